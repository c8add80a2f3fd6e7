// The Lambda behind MigrationTask. CDK's Provider framework calls onEvent once for each request of CloudFormation,
// and isComplete every few seconds until it answers yes or throws: what it throws is the reason of the failed deployment.
//
// The SDK is not packed: Lambda's runtime carries it. Nothing is kept between calls; what isComplete has to know travels
// with the event.
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DescribeTasksCommand, ECSClient, RunTaskCommand, StopTaskCommand, type Container, type Task } from '@aws-sdk/client-ecs';

/** What MigrationTask writes into the custom resource. CloudFormation makes a string of every value. */
export interface Properties {
  readonly Cluster: string;
  readonly TaskDefinition: string;
  readonly Container: string;
  readonly Command?: string[];
  readonly Subnets: string[];
  readonly SecurityGroups: string[];
  readonly AssignPublicIp: string;
  readonly PlatformVersion?: string;
  readonly TimeoutSeconds: string;
  readonly StopSeconds: string;
  /** Where the container's log is, if it is in CloudWatch. */
  readonly LogGroup?: string;
  readonly LogPrefix?: string;
  /** Only there to change: CloudFormation calls us when a property has. */
  readonly DeploymentId: string;
}

export interface Request {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly RequestId: string;
  readonly StackId: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: Properties;
}

/** What onEvent hands to isComplete, by way of the framework. No task: there is nothing to wait for. */
export interface Started {
  readonly PhysicalResourceId: string;
  readonly TaskArn?: string;
  readonly StartedAt?: string;
  readonly Data: { readonly Outcome: string };
}

export interface Completion {
  readonly IsComplete: boolean;
  readonly Data?: Record<string, string>;
}

// Standard retries of the SDK, more of them than its three: a deployment of an hour is not to fail because of a
// throttled call.
const ecs = new ECSClient({ maxAttempts: 8 });
const cloudWatch = new CloudWatchLogsClient({ maxAttempts: 3 });
const cloudFormation = new CloudFormationClient({ maxAttempts: 8 });

/** For how long ECS may say that it doesn't know a task that it has just started: its reads are eventually consistent. */
const missingSeconds = 60;
/** For how long a task may take to go after SIGKILL, before we no longer wait for it. */
const killSeconds = 60;

export async function onEvent(event: Request): Promise<Started> {
  // Always the same: another id would make CloudFormation delete "the old resource" after the update.
  const id = event.PhysicalResourceId ?? event.LogicalResourceId;
  if (event.RequestType === 'Delete') {
    return { PhysicalResourceId: id, Data: { Outcome: 'nothing to do: the schema stays when the stack goes' } };
  }
  // A rollback is an Update with the properties from before, and nothing in it says so. The old image doesn't know the
  // revisions of the new one, and failing here would leave the stack in UPDATE_ROLLBACK_FAILED.
  const status = await stackStatus(event.StackId);
  if (rollsBack(status)) {
    return { PhysicalResourceId: id, Data: { Outcome: `not run: the stack is in ${status}` } };
  }
  const task = await run(event);
  return {
    PhysicalResourceId: id,
    TaskArn: task.taskArn!,
    StartedAt: (task.createdAt ?? new Date()).toISOString(),
    Data: { Outcome: 'started' },
  };
}

async function stackStatus(stackId: string): Promise<string> {
  const answer = await cloudFormation.send(new DescribeStacksCommand({ StackName: stackId }));
  const status = answer.Stacks?.[0]?.StackStatus;
  if (!status) throw new Failure(`CloudFormation doesn't say in which state ${stackId} is`, true);
  return status;
}

function rollsBack(status: string): boolean {
  return status.includes('ROLLBACK');
}

async function run(event: Request): Promise<Task> {
  const p = event.ResourceProperties;
  const answer = await patiently(() => ecs.send(new RunTaskCommand({
    cluster: p.Cluster,
    taskDefinition: p.TaskDefinition,
    count: 1,
    launchType: 'FARGATE',
    ...(p.PlatformVersion ? { platformVersion: p.PlatformVersion } : {}),
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: p.Subnets,
        securityGroups: p.SecurityGroups,
        assignPublicIp: p.AssignPublicIp === 'ENABLED' ? 'ENABLED' : 'DISABLED',
      },
    },
    // An override reaches the command, never the entry point.
    ...(p.Command ? { overrides: { containerOverrides: [{ name: p.Container, command: p.Command }] } } : {}),
    // Lambda and the framework both call again when an answer is lost: the same request is the same task.
    clientToken: event.RequestId,
    startedBy: 'aludel-cdk',
  })));
  const task = answer.tasks?.[0];
  if (!task?.taskArn) {
    const why = (answer.failures ?? []).map((f) => [f.reason, f.detail].filter(Boolean).join(': ')).join('; ');
    throw new Failure(`the migration could not be started: ECS says ${why || 'nothing'}`, true);
  }
  return task;
}

/** Asks again where access is denied: a role that was made a moment ago is not known everywhere yet. */
async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let pause = 1000; ; pause *= 2) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'AccessDeniedException' || pause > 16_000) throw error;
      console.log(`${error.message}: asking again in ${pause / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

export async function isComplete(event: Request & Partial<Started>): Promise<Completion> {
  if (!event.TaskArn) return { IsComplete: true };
  const watched = { event, task: event.TaskArn, age: (Date.now() - Date.parse(event.StartedAt!)) / 1000 };
  try {
    return await watch(watched);
  } catch (error) {
    // The framework has failed the deployment once we throw, and nobody looks after the task any more.
    if (!(error instanceof Failure && error.ended)) await stop(watched, 'the deployment can no longer watch it').catch(console.error);
    throw error;
  }
}

interface Watched {
  readonly event: Request;
  readonly task: string;
  /** Seconds since ECS took the task. */
  readonly age: number;
}

/**
 * A failed migration, in the words that end up in CloudFormation's events: one line without a stack, since the framework adds
 * the stack to it.
 */
class Failure extends Error {
  /** @param ended whether nothing runs any more */
  constructor(what: string, readonly ended: boolean, ...details: (string | undefined)[]) {
    super(cut([`${what}. The service was not updated.`, ...details.filter(Boolean)].join(' ').replace(/\s+/g, ' ')));
    this.stack = `${this.name}: ${this.message}`;
  }
}

/** CloudFormation refuses an answer of more than 4 KB. */
function cut(text: string): string {
  const bytes = (end: number) => Buffer.byteLength(JSON.stringify(text.slice(0, end)));
  let end = text.length;
  while (bytes(end) > 3000) end -= 50;
  return text.slice(0, end);
}

async function watch(w: Watched): Promise<Completion> {
  const p = w.event.ResourceProperties;
  const answer = await ecs.send(new DescribeTasksCommand({ cluster: p.Cluster, tasks: [w.task] }));
  const task = answer.tasks?.[0];
  if (!task) return missing(w, answer.failures?.[0]?.reason);
  if (task.lastStatus === 'STOPPED') return judge(w, task);

  const timeout = Number(p.TimeoutSeconds);
  if (w.age >= timeout) {
    if (w.age >= timeout + Number(p.StopSeconds) + killSeconds) {
      throw new Failure(`the migration was told to stop after ${timeout} s and is still ${task.lastStatus}`, false, `Task: ${w.task}.`);
    }
    // A task that is stopped has to be waited for: aludel cancels on the server, and only then is it over.
    await stop(w, `deadline of ${timeout} s`);
    return { IsComplete: false };
  }
  // The waiter outlives a deployment that was cancelled or has failed elsewhere (aws-cdk #31541).
  const status = await stackStatus(w.event.StackId);
  if (rollsBack(status) || status.startsWith('DELETE')) await stop(w, `the stack is in ${status}`);
  return { IsComplete: false };
}

function missing(w: Watched, reason: string | undefined): Completion {
  if (w.age < missingSeconds) return { IsComplete: false };
  throw new Failure(`ECS no longer knows the migration's task (${reason ?? 'no reason given'}): how it ended is not known`, false, `Task: ${w.task}.`);
}

async function stop(w: Watched, reason: string): Promise<void> {
  // Once more on a task that stops already does nothing.
  await ecs.send(new StopTaskCommand({ cluster: w.event.ResourceProperties.Cluster, task: w.task, reason: `aludel-cdk: ${reason}` }));
}

/** Only exit status 0 of the migration's own container is success. */
async function judge(w: Watched, task: Task): Promise<Completion> {
  const name = w.event.ResourceProperties.Container;
  const container = task.containers?.find((c) => c.name === name);
  if (container?.exitCode === 0) return { IsComplete: true, Data: { Outcome: 'migrated', TaskArn: w.task } };
  throw new Failure(
    outcome(container, name, task.stopCode === 'UserInitiated'),
    true,
    `ECS: ${[task.stopCode, task.stoppedReason].filter(Boolean).join(': ')}.`,
    container?.reason && `Container ${name}: ${container.reason}.`,
    `Task: ${w.task}.`,
    await logged(w),
  );
}

/** The end of the container's log: there is the statement that failed, with file and line. */
async function logged(w: Watched): Promise<string> {
  const { LogGroup, LogPrefix, Container: name } = w.event.ResourceProperties;
  if (!LogGroup || !LogPrefix) return '';
  const stream = `${LogPrefix}/${name}/${w.task.split('/').pop()}`;
  const where = `Log: ${LogGroup}, ${stream}`;
  try {
    const answer = await cloudWatch.send(new GetLogEventsCommand({ logGroupName: LogGroup, logStreamName: stream, limit: 20 }));
    const lines = (answer.events ?? []).map((one) => one.message ?? '').join(' | ');
    return lines ? `${where}: ${lines.slice(-1200)}` : where;
  } catch (error) {
    // No stream: the container never wrote. Whatever it is, it must not hide why the migration failed.
    console.log(String(error));
    return where;
  }
}

function outcome(container: Container | undefined, name: string, wasStopped: boolean): string {
  const status = container?.exitCode;
  // No exit status: the image, a secret or the network could not be had. That is no success.
  if (status === undefined) return `the migration never ran: container ${name} has no exit status`;
  // What aludel says of itself after SIGTERM (1, and that it was interrupted) is not the cause.
  if (wasStopped) return `the migration was stopped, and ended with exit status ${status}`;
  const words = exitStatus[status];
  return `the migration ended with exit status ${status}${words ? `: ${words}` : ''}`;
}

/** Aludel's exit statuses, as in its README, and those of a process that was killed. */
const exitStatus: Record<number, string> = {
  1: 'failed',
  2: 'the command line or the configuration is wrong, or there is no database or no schema; look at the command and at POSTGRES_*',
  3: 'something differs or is pending',
  4: 'a file was edited after it was applied; bring it back as it was, and write a new revision',
  5: 'a lock was held by others for too long; nothing was applied, and deploying again tries again',
  6: 'a section outside a transaction has run in part; mend what failed and deploy again: it goes on at that statement',
  7: 'the database is ahead of these files: a newer version has migrated it. '
    + 'Where an older version is deployed on purpose, add --ok-if-ahead to the command',
  137: 'killed (SIGKILL): out of memory, or it did not end within its stopTimeout',
  139: 'crashed (SIGSEGV)',
  143: 'stopped (SIGTERM)',
};
