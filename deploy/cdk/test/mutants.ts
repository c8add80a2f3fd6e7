// Takes what was compiled apart, a piece at a time: some test has to fail. A wiring that no test misses is not tested.
import { execFile } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';

interface Mutant {
  /** The test that has to notice, by a part of its name. */
  readonly test: string;
  readonly file: 'lib/migration-task.js' | 'handler/index.js';
  readonly from: string;
  readonly to: string;
}

const construct = (test: string, from: string, to = ''): Mutant => ({ test, file: 'lib/migration-task.js', from, to });
const handler = (test: string, from: string, to = ''): Mutant => ({ test, file: 'handler/index.js', from, to });

const mutants: Mutant[] = [
  construct('is updated after the migration', 'one.node.addDependency(this.resource)', 'one'),
  construct('may be let in by the database', 'services.length > 0 ? services : [dependent]', '[dependent]'),
  construct('may be something else', 'services.length > 0 ? services : [dependent]', 'services'),
  construct('^a log group', '            taskDefinition, // with', '            // with'),
  construct('in a role of its own', '            taskDefinition.taskRole,\n'),
  construct('in a role of its own', '...(taskDefinition.executionRole ? [taskDefinition.executionRole] : []),'),
  construct('subnets that are not the VPC', '...subnets.subnets,'),
  construct('VPC endpoints', 'cluster.vpc, // with', '// with'),
  construct('security groups that were given', '            ...this.connections.securityGroups,\n'),
  construct('^the database, its secret', '[database, ...', '[...'),
  construct('behind a security group that was given', ', ...(database.connections?.securityGroups ?? [])'),
  construct('^the database, its secret', 'this.connections.allowToDefaultPort(props.database, \'database migrations\')', 'void 0'),
  construct('database in another stack', 'this.connections.allowToDefaultPort(props.database, \'database migrations\')', 'props.database.connections.allowDefaultPortFrom(this)'),
  construct('told from others by its time', 'props.deploymentId ?? new Date().toISOString()', '\'always\''),
  construct('its id, and nothing else', 'props.deploymentId ?? new Date().toISOString()', 'new Date().toISOString()'),
  construct('on its own things', '`${taskDefinition.family}:*`', '`*`'),
  construct('on its own things', '{ \'ecs:cluster\': cluster.clusterArn }', '{}'),
  construct('on its own things', '\'iam:PassedToService\': \'ecs-tasks.amazonaws.com\'', '\'iam:PassedToService\': \'*\''),
  construct('on its own things', '[stack.stackId]', '[\'*\']'),
  construct('of 30 minutes', 'total = longestRun.toSeconds() + 180', 'total = longestRun.toSeconds()'),
  construct('of 30 minutes', '.plus(aws_cdk_lib_1.Duration.minutes(6))'),
  construct('more than 50', 'timeout.toSeconds() > longestTimeout.toSeconds()', 'false'),
  construct('no time to end', 'seconds < longestStop.toSeconds()', 'false'),
  construct('has the command, the network', 'PRIVATE_WITH_EGRESS', 'PUBLIC'),
  construct('has the command, the network', 'Command: props.command,'),
  construct('has the end of its log', 'LogGroup: log?.group,'),
  handler('success, waited for', 'event.PhysicalResourceId ?? event.LogicalResourceId', 'event.RequestId'),
  handler('deletes: nothing', 'event.RequestType === \'Delete\'', 'false'),
  handler('runs nothing and succeeds', 'return status.includes(\'ROLLBACK\')', 'return false'),
  handler('stops it', '|| status.startsWith(\'DELETE\')'),
  handler('the first answer was lost', 'clientToken: event.RequestId', 'clientToken: String(Math.random())'),
  handler('know of the role yet', 'error.name !== \'AccessDeniedException\'', 'true'),
  handler('has no room', 'if (!task?.taskArn) {', 'if (false) {'),
  handler('it gives up', 'error instanceof Failure && error.ended', 'true'),
  handler('know of the task yet', 'w.age < missingSeconds', 'false'),
  handler('no longer knows', 'w.age < missingSeconds', 'true'),
  handler('stops the task and waits', 'w.age >= timeout)', 'false)'),
  handler('is not yet', 'w.age >= timeout)', 'true)'),
  handler('stops the task and waits', 'await stop(w, `deadline of ${timeout} s`);'),
  handler('stops the task and waits', 'w.age >= timeout + Number(p.StopSeconds) + killSeconds', 'w.age >= timeout'),
  handler('without an exit status', 'container?.exitCode === 0', '!container?.exitCode'),
  handler('judged by its own', '.find((c) => c.name === name)', '[0]'),
  handler('takes many words', 'bytes(end) > 3000', 'false'),
  handler('has the end of its log', 'this.stack = `${this.name}: ${this.message}`;'),
  handler('end of its log', 'lines.slice(-1200)', '\'\''),
  handler('stops the task and waits', 'if (wasStopped)', 'if (false)'),
  handler('what the construct says', 'launchType: \'FARGATE\',', ''),
];

const dist = path.join(__dirname, '..');

/** Whether the tests pass on a copy of what was compiled, in which one piece is another. */
async function survives(mutant: Mutant, number: number): Promise<boolean> {
  const folder = path.join(dist, `mutant-${number}`);
  const copy = path.join(folder, 'dist'); // as deep as the original: the tests look for cdk.json above it
  for (const one of ['lib', 'handler', 'examples', 'test']) cpSync(path.join(dist, one), path.join(copy, one), { recursive: true });
  cpSync(path.join(dist, '..', 'cdk.json'), path.join(folder, 'cdk.json'));
  const file = path.join(copy, mutant.file);
  const parts = readFileSync(file, 'utf8').split(mutant.from);
  if (parts.length !== 2) throw new Error(`${mutant.file} has this ${parts.length - 1} times, not once: ${mutant.from}`);
  writeFileSync(file, parts.join(mutant.to));
  const args = ['--test', '--test-name-pattern', mutant.test, ...['template', 'handler'].map((one) => path.join(copy, 'test', `${one}.test.js`))];
  const status = await new Promise<number>((resolve, reject) => {
    const child = execFile(process.execPath, args, { maxBuffer: 1 << 28 }, () => {});
    child.on('exit', (code) => (code === null ? reject(new Error('the tests were ended')) : resolve(code)));
  });
  rmSync(folder, { recursive: true });
  return status === 0;
}

async function main(): Promise<void> {
  // What fails anyway kills nothing.
  if (!(await survives(construct('', 'class MigrationTask ', 'class MigrationTask  '), -1))) throw new Error('the tests fail by themselves');
  const left = mutants.map((mutant, number) => ({ mutant, number }));
  let survivors = 0;
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      const { mutant, number } = next;
      const survived = await survives(mutant, number);
      if (survived) survivors++;
      console.log(`${survived ? 'SURVIVED' : 'killed  '} ${mutant.file}: ${mutant.from.trim()} -> ${mutant.to || '(nothing)'}`);
    }
  };
  await Promise.all([worker(), worker()]);
  console.log(`${mutants.length} mutants, ${survivors} survived`);
  process.exitCode = survivors > 0 ? 1 : 0;
}

void main();
