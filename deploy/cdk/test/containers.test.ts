// The whole way on one machine: the framework and the handler from the synthesised assets, the environment from the synthesised task
// definition, the image in a container, a PostgreSQL server. Only ECS and CloudFormation are stand-ins.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Aws, type Cluster, type Running } from './aws';
import { CloudFormation, quiet, type Deployment, type Response } from './cloudformation';
import { build, context, start, type Images } from './containers';
import { password, Postgres, serverPrograms } from './postgres';

const programs = serverPrograms();
const image = programs ? context() : { skip: 'there is no PostgreSQL server' };
const skip = 'skip' in image && image.skip;

const first = '-- First\n--\n-- revision: a1\n\n-- migrate:up\nCREATE TABLE readings (id int);\n';
const then = (up: string): string => `-- Then\n--\n-- revision: b2\n-- down_revision: a1\n\n-- migrate:up\n${up}\n`;
const migrations = 'app/db/migrations';
const files = {
  'app/db/aludel.toml': '[migrations]\ndir = "migrations/old"\n',
  [`${migrations}/old/1.sql`]: first,
  [`${migrations}/new/1.sql`]: first, [`${migrations}/new/2.sql`]: then('ALTER TABLE readings ADD COLUMN value int;'),
  [`${migrations}/failing/1.sql`]: first, [`${migrations}/failing/2.sql`]: then('ALTER TABLE nothing ADD COLUMN value int;'),
  [`${migrations}/slow/1.sql`]: first, [`${migrations}/slow/2.sql`]: then('CREATE TABLE half_done (id int);\nSELECT pg_sleep(3600);'),
};

describe('a migration in a container', { skip, concurrency: 3 }, () => {
  const aws = new Aws();
  let cloudFormation: CloudFormation;
  let images: Images;
  let postgres: Postgres;

  before(async () => {
    quiet();
    await aws.start();
    cloudFormation = new CloudFormation();
    images = build((image as { folder: string }).folder, files);
    postgres = await Postgres.start(programs!);
  });
  after(() => {
    aws.stop();
    postgres?.stop();
    images?.remove();
  });

  /** What the container gets, by the task definition of the template: its secrets are keys of the one that RDS keeps. */
  function environment(database: string): Record<string, string> {
    const { graph } = cloudFormation;
    const [definition] = graph.named('Migrations', 'AWS::ECS::TaskDefinition');
    const [container] = graph.resources[definition].Properties.ContainerDefinitions;
    const secret: Record<string, string> = { host: '127.0.0.1', port: String(postgres.port), dbname: database, username: 'platform', password };
    const secrets = container.Secrets.map((one: { Name: string; ValueFrom: { 'Fn::Join': [string, string[]] } }) =>
      [one.Name, secret[one.ValueFrom['Fn::Join'][1][1].replaceAll(':', '')]]);
    const plain = container.Environment.map((one: { Name: string; Value: string }) => [one.Name, one.Value]);
    return { ...Object.fromEntries([...plain, ...secrets]), PGSSLMODE: 'disable' }; // the server here has no certificate
  }

  interface Case {
    readonly image?: string;
    /** Waits for this before ECS's answer goes out. */
    readonly until?: () => boolean;
    readonly more?: Partial<Cluster>;
  }

  /** A database and a cluster of that name. */
  function cluster(name: string, { image = images.aludel, until = () => true, more }: Case = {}): Cluster {
    postgres.createDatabase(name);
    let tasks = 0;
    return aws.cluster(name, async (request): Promise<Running> => {
      const { command } = request.overrides!.containerOverrides![0];
      const task = start(`aludel-cdk-${name}-${process.pid}-${++tasks}`, image, environment(name), command!);
      while (!until()) await pause(100);
      return task;
    }, more);
  }

  const upgrade = (dir: string): Partial<Deployment> => ({ properties: { Command: ['--dir', `${migrations}/${dir}`, 'upgrade', 'head'] } });
  const version = (name: string): string => postgres.query(name, 'SELECT version_num FROM alembic_version');
  const sleeping = (name: string): boolean =>
    postgres.query('postgres', `SELECT count(*) FROM pg_stat_activity WHERE datname = '${name}' AND query LIKE '%pg_sleep%'`) !== '0';
  const sessions = (name: string): string => postgres.query('postgres', `SELECT count(*) FROM pg_stat_activity WHERE datname = '${name}'`);

  function failed(answer: Response, ...words: RegExp[]): void {
    assert.equal(answer.Status, 'FAILED', JSON.stringify(answer));
    for (const word of words) assert.match(answer.Reason, word);
  }

  function succeeded(answer: Response): void {
    assert.equal(answer.Status, 'SUCCESS', answer.Reason);
  }

  test('succeeds, and the next deployment goes on from there', async () => {
    cluster('success');
    succeeded(await cloudFormation.deploy({ cluster: 'success', ...upgrade('old') }));
    assert.equal(version('success'), 'a1');
    succeeded(await cloudFormation.deploy({ cluster: 'success', type: 'Update', ...upgrade('new') }));
    assert.equal(version('success'), 'b2');
    assert.equal(postgres.query('success', 'SELECT value FROM readings'), '');
  });

  test('in the application\'s own image, by a command that names the program', async () => {
    cluster('application', { image: images.application });
    const Command = ['aludel', '-c', 'app/db/aludel.toml', 'upgrade', 'head'];
    succeeded(await cloudFormation.deploy({ cluster: 'application', properties: { Command } }));
    assert.equal(version('application'), 'a1');
  });

  test('in aludel\'s image, by the same command as in the application\'s', async () => {
    cluster('same_command');
    succeeded(await cloudFormation.deploy({ cluster: 'same_command', properties: { Command: ['aludel', 'upgrade', 'head'] } }));
    assert.equal(version('same_command'), 'a1');
  });

  test('fails with its SQL', async () => {
    cluster('failing');
    const answer = await cloudFormation.deploy({ cluster: 'failing', ...upgrade('failing') });
    failed(answer, /exit status 1: failed. The service was not updated/, /failing\/2.sql:7:1: relation "nothing" does not exist/);
    assert.equal(version('failing'), 'a1');
  });

  test('fails with an image that isn\'t there', async () => {
    cluster('unknown', { image: 'localhost/aludel-cdk-nowhere:1' });
    failed(await cloudFormation.deploy({ cluster: 'unknown', ...upgrade('old') }), /never ran/, /TaskFailedToStart: CannotPullContainerError/);
  });

  test('is stopped at its deadline, on the server too', async () => {
    const { stops } = cluster('deadline', { until: () => sleeping('deadline'), more: { ageSeconds: 1801 } });
    failed(await cloudFormation.deploy({ cluster: 'deadline', ...upgrade('slow') }),
      /was stopped, and ended with exit status 1/, /UserInitiated: aludel-cdk: deadline of 1800 s/, /interrupted: .*slow\/2.sql:8:1/);
    assert.equal(stops[0], 'aludel-cdk: deadline of 1800 s');
    assert.equal(sessions('deadline'), '0');
    assert.equal(version('deadline'), 'a1');
    assert.equal(postgres.query('deadline', "SELECT to_regclass('half_done') IS NULL"), 't');
  });

  test('is stopped when the deployment is cancelled, on the server too', async () => {
    const cancelled = cluster('cancelled', { until: () => {
      cancelled.stackStatus = 'UPDATE_ROLLBACK_IN_PROGRESS';
      return sleeping('cancelled');
    } });
    failed(await cloudFormation.deploy({ cluster: 'cancelled', type: 'Update', ...upgrade('slow') }), /was stopped, and ended with exit status 1/);
    assert.match(cancelled.stops[0], /the stack is in UPDATE_ROLLBACK_IN_PROGRESS/);
    assert.equal(sessions('cancelled'), '0');
  });

  test('is not undone by a rollback, whose old image would not know the database', async () => {
    const stack = cluster('rollback');
    succeeded(await cloudFormation.deploy({ cluster: 'rollback', ...upgrade('new') }));
    const older = await cloudFormation.deploy({ cluster: 'rollback', type: 'Update', request: 'older', ...upgrade('old') });
    failed(older, /exit status 7: the database is ahead of these files/);
    stack.stackStatus = 'UPDATE_ROLLBACK_IN_PROGRESS';
    const answer = await cloudFormation.deploy({ cluster: 'rollback', type: 'Update', request: 'back', ...upgrade('old') });
    succeeded(answer);
    assert.match(answer.Data!.Outcome, /not run/);
    assert.equal(stack.requests.length, 2);
    assert.equal(version('rollback'), 'b2');
  });

  test('stays when the stack goes', async () => {
    const stack = cluster('deleted');
    succeeded(await cloudFormation.deploy({ cluster: 'deleted', ...upgrade('old') }));
    succeeded(await cloudFormation.deploy({ cluster: 'deleted', type: 'Delete', ...upgrade('old') }));
    assert.equal(stack.requests.length, 1);
    assert.equal(version('deleted'), 'a1');
  });

  test('runs once when it is asked for twice', async () => {
    const { requests } = cluster('twice');
    succeeded(await cloudFormation.deploy({ cluster: 'twice', lost: true, ...upgrade('new') }));
    assert.equal(requests.length, 2);
    // One container: a second would have ended with 0 as well, and left nothing in the history.
    assert.equal(new Set(requests.map((one) => one.clientToken)).size, 1);
    assert.equal(postgres.query('twice', "SELECT count(*) FROM aludel_history WHERE revision = 'a1'"), '1');
  });
});
