// What the handler needs of ECS, CloudFormation and CloudWatch, on loopback. A task is whatever the test makes of it: made up, or a container
// that runs. Every test has a cluster (and a stack of that name) to itself, so they can go on at the same time.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RunTaskCommandInput, Task } from '@aws-sdk/client-ecs';

/** What of a task changes. */
export type State = Pick<Task, 'lastStatus' | 'containers' | 'stopCode' | 'stoppedReason'>;

export interface Running {
  state(): State;
  /** What the container has written. */
  log?(): string;
  stop(reason: string): void;
}

/** Anything but a task is ECS's refusal. */
export type Answer = Running | { failures: { reason: string; detail?: string }[] } | { refused: string };

export interface Cluster {
  stackStatus: string;
  run(request: RunTaskCommandInput): Answer | Promise<Answer>;
  /** For how many calls of DescribeTasks a task isn't known. */
  unknown?: number;
  /** How long ago ECS says that it took the task. */
  ageSeconds?: number;
  readonly requests: RunTaskCommandInput[];
  readonly stops: string[];
  /** Where its log has been looked for. */
  readonly logs: string[];
}

export class Aws {
  private readonly clusters = new Map<string, Cluster>();
  private readonly tasks = new Map<string, { running: Running; createdAt: number }>();
  private server!: Server;

  /** Starts it, and points the SDK's clients here: before the handler is loaded. */
  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      void body(request).then(async (text) => {
        const [status, answer] = request.headers['x-amz-target'] ? await this.json(request, text) : [200, this.cloudFormation(text)];
        response.writeHead(status).end(answer);
      }).catch((error: Error) => response.writeHead(400).end(JSON.stringify({ __type: 'TestFailed', message: error.message })));
    });
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_ECS: url, AWS_ENDPOINT_URL_CLOUDFORMATION: url, AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: url,
      AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none',
    });
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  cluster(name: string, run: Cluster['run'], more: Partial<Cluster> = {}): Cluster {
    const cluster = { stackStatus: 'UPDATE_IN_PROGRESS', run, requests: [], stops: [], logs: [], ...more };
    this.clusters.set(name, cluster);
    return cluster;
  }

  private cloudFormation(text: string): string {
    const name = new URLSearchParams(text).get('StackName')!;
    return `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>
      <StackName>${name}</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>
      <StackStatus>${this.clusters.get(name)!.stackStatus}</StackStatus>
    </member></Stacks></DescribeStacksResult></DescribeStacksResponse>`;
  }

  private async json(request: IncomingMessage, text: string): Promise<[number, string]> {
    const input = JSON.parse(text);
    const action = String(request.headers['x-amz-target']).split('.')[1] as 'RunTask' | 'DescribeTasks' | 'StopTask' | 'GetLogEvents';
    if (action === 'GetLogEvents') return this.GetLogEvents(input);
    const answer = await this[action](this.clusters.get(input.cluster)!, input);
    return ['__type' in answer ? 400 : 200, JSON.stringify(answer)];
  }

  private async RunTask(cluster: Cluster, input: RunTaskCommandInput): Promise<object> {
    cluster.requests.push(input);
    const arn = `arn:aws:ecs:eu-central-1:111111111111:task/${input.cluster}/${input.clientToken}`;
    if (!this.tasks.has(arn)) {
      const answer = await cluster.run(input);
      if ('refused' in answer) return { __type: answer.refused, message: `made up: ${answer.refused}` };
      if ('failures' in answer) return { tasks: [], failures: answer.failures };
      this.tasks.set(arn, { running: answer, createdAt: Date.now() / 1000 - (cluster.ageSeconds ?? 0) });
    }
    return { tasks: [this.described(arn)], failures: [] };
  }

  private DescribeTasks(cluster: Cluster, input: { tasks: string[] }): object {
    const [arn] = input.tasks;
    if ((cluster.unknown ?? 0) > 0) {
      cluster.unknown!--;
      return { tasks: [], failures: [{ arn, reason: 'MISSING' }] };
    }
    return { tasks: [this.described(arn)], failures: [] };
  }

  private StopTask(cluster: Cluster, input: { task: string; reason: string }): object {
    cluster.stops.push(input.reason);
    this.tasks.get(input.task)!.running.stop(input.reason);
    return { task: this.described(input.task) };
  }

  private GetLogEvents(input: { logGroupName: string; logStreamName: string }): [number, string] {
    const id = input.logStreamName.split('/').pop()!;
    const [arn, { running }] = [...this.tasks].find(([one]) => one.endsWith(`/${id}`))!;
    this.clusters.get(arn.split('/')[1])!.logs.push(`${input.logGroupName} ${input.logStreamName}`);
    if (!running.log) return [400, JSON.stringify({ __type: 'ResourceNotFoundException', message: 'The specified log stream does not exist.' })];
    const events = running.log().trimEnd().split('\n').map((message) => ({ timestamp: 0, message }));
    return [200, JSON.stringify({ events })];
  }

  private described(arn: string): object {
    const { running, createdAt } = this.tasks.get(arn)!;
    return { taskArn: arn, createdAt, ...running.state() };
  }
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
