// A template as a graph: what CloudFormation waits for before it makes a resource.
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { PlatformStack, type PlatformStackProps } from '../examples/platform-stack';

export interface Resource {
  readonly Type: string;
  readonly Properties: any;
  readonly DependsOn?: string | string[];
}

/** The sample stack, in an app of its own. */
export function platform(props: Partial<PlatformStackProps> = {}, outdir = scratch()): PlatformStack {
  return new PlatformStack(new App({ outdir, context: feature }), 'Platform', {
    migrations: ecs.ContainerImage.fromRegistry('registry.example/migrations@sha256:1'),
    application: ecs.ContainerImage.fromRegistry('registry.example/api@sha256:1'),
    deploymentId: 'one',
    ...props,
  });
}

export function scratch(): string {
  return mkdtempSync(path.join(tmpdir(), 'aludel-cdk-'));
}

export const feature: Record<string, unknown> =
  JSON.parse(readFileSync(path.join(__dirname, '../../cdk.json'), 'utf8')).context;

export class Graph {
  readonly resources: Record<string, Resource>;

  readonly outdir: string;

  constructor(stack: Stack) {
    this.outdir = (stack.node.root as App).outdir;
    this.resources = Template.fromStack(stack).toJSON().Resources;
  }

  ofType(type: string): string[] {
    return Object.keys(this.resources).filter((id) => this.resources[id].Type === type);
  }

  /** The one resource of a type. */
  one(type: string): string {
    const ids = this.ofType(type);
    if (ids.length !== 1) throw new Error(`${ids.length} of ${type}`);
    return ids[0];
  }

  /** Those whose logical id begins so. */
  named(prefix: string, type: string): string[] {
    const ids = this.ofType(type).filter((id) => id.startsWith(prefix));
    if (ids.length === 0) throw new Error(`no ${type} named ${prefix}`);
    return ids;
  }

  /** The folder of a function's code. */
  asset(functionId: string): string {
    return path.join(this.outdir, `asset.${this.resources[functionId].Properties.Code.S3Key.replace('.zip', '')}`);
  }

  /** Everything that is there before this is made. */
  before(id: string): Set<string> {
    const found = new Set<string>();
    const next = [id];
    while (next.length > 0) {
      for (const needed of this.direct(next.pop()!)) {
        if (!found.has(needed)) {
          found.add(needed);
          next.push(needed);
        }
      }
    }
    return found;
  }

  private direct(id: string): string[] {
    const { DependsOn, Properties } = this.resources[id];
    return [...(typeof DependsOn === 'string' ? [DependsOn] : DependsOn ?? []), ...references(Properties)]
      .filter((one) => one in this.resources);
  }
}

/** What Ref, Fn::GetAtt and Fn::Sub point at. */
function references(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref') return [inner as string];
    if (key === 'Fn::GetAtt') return [(Array.isArray(inner) ? inner[0] : String(inner).split('.')[0]) as string];
    if (key === 'Fn::Sub') return [...JSON.stringify(inner).matchAll(/\$\{(\w+)/g)].map((m) => m[1]);
    return references(inner);
  });
}
