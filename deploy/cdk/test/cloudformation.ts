// Plays CloudFormation, Lambda and Step Functions around the real framework and the real handler, both taken from the synthesised
// assets. Of the framework, only the module that talks to AWS is replaced.
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Request } from '../handler';
import { Graph, platform } from './stack';

/** What CloudFormation gets to hear. */
export interface Response {
  readonly Status: 'SUCCESS' | 'FAILED';
  readonly Reason: string;
  readonly PhysicalResourceId: string;
  readonly Data?: Record<string, string>;
}

export interface Deployment {
  readonly type?: Request['RequestType'];
  readonly cluster: string;
  /** The same id is the same request. */
  readonly request?: string;
  readonly physicalId?: string;
  readonly properties?: Record<string, unknown>;
  /** Lambda's answer gets lost, and the framework asks again. */
  readonly lost?: boolean;
}

type Handler = (event: unknown) => Promise<unknown>;

interface Call { readonly FunctionName: string; readonly Payload: string }

export class CloudFormation {
  readonly graph: Graph;
  private readonly framework: Record<'onEvent' | 'isComplete', Handler>;
  private readonly handler: Record<string, Handler>;
  private readonly waiters = new Map<string, string>();
  private readonly responses = new Map<string, Response>();
  private readonly lost = new Set<string>();
  private readonly properties: Record<string, unknown>;

  constructor() {
    // Below this package, so that the handler finds the SDK that Lambda's runtime would carry.
    const folder = mkdtempSync(path.join(__dirname, '..', 'assembly-'));
    const stack = platform({}, folder);
    this.graph = new Graph(stack);
    this.properties = resolved(this.graph.resources[this.graph.one('Custom::AludelMigration')].Properties) as Record<string, unknown>;
    this.handler = require(path.join(asset(this.graph, 'MigrationonEvent'), 'index.js'));
    this.framework = this.load(path.join(folder, 'framework'));
  }

  private load(folder: string): Record<'onEvent' | 'isComplete', Handler> {
    mkdirSync(folder);
    cpSync(asset(this.graph, 'MigrationProviderframeworkonEvent'), folder, { recursive: true });
    writeFileSync(path.join(folder, 'package.json'), '{"type":"commonjs"}');
    Object.assign(process.env, {
      USER_ON_EVENT_FUNCTION_ARN: 'arn:aws:lambda:eu-central-1:111111111111:function:onEvent',
      USER_IS_COMPLETE_FUNCTION_ARN: 'arn:aws:lambda:eu-central-1:111111111111:function:isComplete',
      WAITER_STATE_MACHINE_ARN: 'arn:aws:states:eu-central-1:111111111111:stateMachine:waiter',
    });
    const outbound = require.resolve(path.join(folder, 'outbound.js'));
    const replaced = Object.assign(Object.create(null), { id: outbound, filename: outbound, loaded: true, exports: {
      invokeFunction: (call: Call) => this.invoke(call),
      startExecution: async ({ input }: { input: string }) => void this.waiters.set(JSON.parse(input).RequestId, input),
      httpRequest: async (_: unknown, text: string) => this.respond(text),
    } });
    require.cache[outbound] = replaced as NodeJS.Module;
    return require(path.join(folder, 'framework.js'));
  }

  /** Lambda: an exception is an answer too. */
  private async invoke({ FunctionName, Payload }: Call): Promise<object> {
    const name = FunctionName.split(':').pop()!;
    const { RequestId } = JSON.parse(Payload);
    try {
      if (this.lost.delete(RequestId)) await this.handler[name](JSON.parse(Payload));
      return { Payload: JSON.stringify(await this.handler[name](JSON.parse(Payload))) };
    } catch (error) {
      const { name: errorType, message: errorMessage, stack } = error as Error;
      return { FunctionError: 'Unhandled', Payload: JSON.stringify({ errorType, errorMessage, trace: stack!.split('\n') }) };
    }
  }

  private respond(text: string): void {
    if (Buffer.byteLength(text) > 4096) throw new Error(`CloudFormation refuses an answer of ${text.length} bytes`);
    const response = JSON.parse(text);
    this.responses.set(response.RequestId, response);
  }

  /** One request of CloudFormation's, until it has its answer. */
  async deploy(d: Deployment): Promise<Response> {
    const RequestId = d.request ?? `${d.cluster}-${d.type ?? 'Create'}`;
    if (d.lost) this.lost.add(RequestId);
    await this.framework.onEvent({
      RequestType: d.type ?? 'Create',
      RequestId,
      StackId: d.cluster,
      LogicalResourceId: 'MigrationRun',
      PhysicalResourceId: d.physicalId ?? (d.type && d.type !== 'Create' ? 'MigrationRun' : undefined),
      ResponseURL: 'https://cloudformation.example/answer',
      ResourceProperties: { ...this.properties, Cluster: d.cluster, ...d.properties },
    });
    while (!this.responses.has(RequestId)) await this.poll(RequestId);
    return this.responses.get(RequestId)!;
  }

  /** Step Functions: an error of this name is its order to come again. */
  private async poll(requestId: string): Promise<void> {
    try {
      await this.framework.isComplete(JSON.parse(this.waiters.get(requestId)!));
    } catch (error) {
      if ((error as Error).constructor.name !== 'Retry') throw error;
      await pause(50);
    }
  }
}

function asset(graph: Graph, prefix: string): string {
  return graph.asset(graph.named(prefix, 'AWS::Lambda::Function')[0]);
}

/** References stand for themselves. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== 'object' || value === null) return value;
  const [[key, inner]] = Object.entries(value);
  if (key === 'Ref') return inner;
  if (key === 'Fn::GetAtt') return (inner as string[]).join('.');
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolved(one)]));
}

/** The framework logs every step to stdout. */
export function quiet(): void {
  const { log } = console;
  console.log = (...said: unknown[]) => {
    if (said[0] !== '[provider-framework]') log(...said);
  };
}
