// Takes what was compiled apart, a piece at a time: the named test has to fail. A wiring that no test misses is not tested.
//
// All in one process, since loading CDK takes longer than most tests: node:test is replaced by something that only collects, and a
// piece is exchanged while its module is loaded.
import { readFileSync } from 'node:fs';
import Module from 'node:module';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { quiet } from './cloudformation';

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
  construct('in a role of its own', '            taskDefinition.taskRole, // with', '            // with'),
  construct('^the right to read the secret$', '            taskDefinition.obtainExecutionRole(),\n'),
  construct('a secret that is added later', '            taskDefinition.obtainExecutionRole(),\n'),
  construct('a secret that is added later', ', taskDefinition.obtainExecutionRole().roleArn'),
  construct('subnets that are not the VPC', '...subnets.subnets,'),
  construct('VPC endpoints', 'cluster.vpc, // with', '// with'),
  construct('security groups that were given', '            ...this.connections.securityGroups,\n'),
  construct('behind a security group that was given', '[database, ...', '[...'),
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
  construct('handler: has the end of its log', 'LogGroup: log?.group,'),
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
  handler('judged by its own', '(c) => c.name === name', '() => true'),
  handler('takes many words', 'bytes(end) > 3000', 'false'),
  handler('has the end of its log', 'this.stack = `${this.name}: ${this.message}`;'),
  handler('end of its log', 'lines.slice(-1200)', '\'\''),
  handler('stops the task and waits', 'if (wasStopped)', 'if (false)'),
  handler('what the construct says', 'launchType: \'FARGATE\',', ''),
];

type Body = () => unknown;

/** The tests of a file. */
class Collected {
  readonly before: Body[] = [];
  readonly after: Body[] = [];
  readonly tests: { name: string; body: Body }[] = [];

  /** In node:test's place. */
  readonly module = {
    describe: (_: string, ...rest: unknown[]) => (rest.pop() as Body)(),
    test: (name: string, ...rest: unknown[]) => void this.tests.push({ name, body: rest.pop() as Body }),
    before: (body: Body) => void this.before.push(body),
    after: (body: Body) => void this.after.push(body),
  };

  /** Whether all whose name has this pass. */
  async pass(name: string): Promise<boolean> {
    const chosen = this.tests.filter((one) => new RegExp(name).test(one.name));
    if (chosen.length === 0) throw new Error(`there is no test "${name}"`);
    for (const body of this.before) await body();
    try {
      for (const { body } of chosen) await Promise.race([body(), pause(60_000, undefined, { ref: false }).then(() => { throw new Error('no end'); })]);
      return true;
    } catch {
      return false;
    } finally {
      for (const body of this.after) await body();
    }
  }
}

interface Loader {
  _load(request: string, ...rest: unknown[]): unknown;
  _extensions: Record<string, (module: { _compile(text: string, file: string): void }, file: string) => void>;
}

const loader = Module as unknown as Loader;
const { _load: load } = loader;
const dist = path.join(__dirname, '..');

/** Loads a file of tests anew, with one piece of what it tests exchanged. */
function collect(file: string, mutant: Mutant): Collected {
  for (const one of Object.keys(require.cache)) {
    if (one.startsWith(dist) && one !== __filename) delete require.cache[one];
  }
  const collected = new Collected();
  loader._load = (request, ...rest) => (request === 'node:test' ? collected.module : load(request, ...rest));
  loader._extensions['.js'] = (module, one) => {
    const text = readFileSync(one, 'utf8');
    module._compile(isOf(one, mutant.file) ? exchanged(text, mutant) : text, one);
  };
  require(path.join(dist, 'test', file));
  return collected;
}

/** The handler is loaded from the asset that CDK makes of it. */
function isOf(file: string, wanted: Mutant['file']): boolean {
  return wanted === 'handler/index.js' ? /asset\.\w+[/\\]index\.js$/.test(file) : file === path.join(dist, wanted);
}

function exchanged(text: string, { file, from, to }: Mutant): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${file} has this ${parts.length - 1} times, not once: ${from}`);
  return parts.join(to);
}

async function main(): Promise<void> {
  const say = console.log.bind(console);
  quiet();
  let survivors = 0;
  const chosen = mutants.filter((one) => `${one.file} ${one.test}`.includes(process.argv[2] ?? '')); // all, or some
  for (const mutant of chosen) {
    const file = mutant.test.startsWith('handler: ') || mutant.file.startsWith('handler') ? 'handler.test.js' : 'template.test.js';
    const test = mutant.test.replace('handler: ', '');
    // What fails anyway kills nothing.
    if (!(await collect(file, { ...mutant, to: mutant.from }).pass(test))) throw new Error(`"${test}" fails by itself`);
    const survived = await collect(file, mutant).pass(test);
    if (survived) survivors++;
    say(`${survived ? 'SURVIVED' : 'killed  '} ${mutant.file}: ${mutant.from.trim()} -> ${mutant.to || '(nothing)'}`);
  }
  say(`${chosen.length} mutants, ${survivors} survived`);
  process.exit(survivors > 0 ? 1 : 0);
}

void main();
