// The handler under the framework, with tasks that are made up: what ECS can answer and a container on this machine can't bring about.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Aws, type Cluster, type Running, type State } from './aws';
import { CloudFormation, quiet, type Deployment, type Response } from './cloudformation';

const aws = new Aws();
let cloudFormation: CloudFormation;

before(async () => {
  quiet();
  await aws.start();
  cloudFormation = new CloudFormation();
});
after(() => aws.stop());

const running: State = { lastStatus: 'RUNNING', containers: [{ name: 'migrate' }] };

function stopped(exitCode: number | undefined, more: State = {}): State {
  return { lastStatus: 'STOPPED', stopCode: 'EssentialContainerExited', stoppedReason: 'Essential container in task exited',
    containers: [{ name: 'migrate', exitCode }], ...more };
}

/** A task that goes through these states, a poll each, and stays in the last one. Told to stop, it goes to the one for that. */
function task(states: State[], whenStopped?: State, log?: string): () => Running {
  return () => {
    let left = [running, ...states]; // RunTask's own answer has the first
    return {
      state: () => (left.length > 1 ? left.shift()! : left[0]),
      stop: () => { if (whenStopped) left = [running, whenStopped]; },
      ...(log ? { log: () => log } : {}),
    };
  };
}

let clusters = 0;

/** One deployment on a cluster of its own. */
async function deploy(run: Cluster['run'], more: Partial<Cluster> = {}, request: Partial<Deployment> = {}): Promise<{ answer: Response; cluster: Cluster }> {
  const name = `cluster-${++clusters}`;
  const cluster = aws.cluster(name, run, more);
  return { answer: await cloudFormation.deploy({ cluster: name, ...request }), cluster };
}

function failed(answer: Response, ...words: RegExp[]): void {
  assert.equal(answer.Status, 'FAILED');
  assert.doesNotMatch(answer.Reason, /\n +at /, 'a stack trace is no help to whoever wrote the migration');
  for (const word of [...words, /The service was not updated\./]) assert.match(answer.Reason, word);
}

describe('a task', { concurrency: true }, () => {
  test('that ends with 0 is a success, waited for', async () => {
    const { answer, cluster } = await deploy(task([running, running, stopped(0)]));
    assert.deepEqual([answer.Status, answer.PhysicalResourceId, answer.Data?.Outcome], ['SUCCESS', 'MigrationRun', 'migrated']);
    assert.match(answer.Data!.TaskArn, /task\/cluster-/);
    assert.deepEqual(cluster.stops, []);
  });

  test('is started with what the construct says', async () => {
    const { cluster } = await deploy(task([stopped(0)]));
    const [{ cluster: name, clientToken, ...request }] = cluster.requests;
    assert.equal(clientToken, `${name}-Create`);
    const subnets = cloudFormation.graph.named('VpcPrivate', 'AWS::EC2::Subnet');
    const [group] = cloudFormation.graph.named('MigrationSecurityGroup', 'AWS::EC2::SecurityGroup');
    assert.deepEqual(request, {
      taskDefinition: cloudFormation.graph.named('Migrations', 'AWS::ECS::TaskDefinition')[0],
      count: 1,
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets, securityGroups: [`${group}.GroupId`], assignPublicIp: 'DISABLED' } },
      overrides: { containerOverrides: [{ name: 'migrate', command: ['upgrade', 'head'] }] },
      startedBy: 'aludel-cdk',
    });
  });

  test('has the image\'s command where none is given, a public address and a platform version where they are', async () => {
    const { cluster } = await deploy(task([stopped(0)]), {}, {
      properties: { Command: undefined, AssignPublicIp: 'ENABLED', PlatformVersion: '1.4.0' },
    });
    const [request] = cluster.requests;
    assert.equal(request.overrides, undefined);
    assert.equal(request.networkConfiguration?.awsvpcConfiguration?.assignPublicIp, 'ENABLED');
    assert.equal(request.platformVersion, '1.4.0');
  });

  const statuses: [number, RegExp][] = [
    [1, /status 1: failed\./],
    [2, /status 2: the command line or the configuration is wrong/],
    [3, /status 3: something differs or is pending/],
    [4, /status 4: a file was edited after it was applied/],
    [5, /status 5: a lock was held by others for too long; nothing was applied/],
    [6, /status 6: a section outside a transaction has run in part/],
    [7, /status 7: the database is ahead of these files.*--ok-if-ahead/],
    [42, /status 42\./],
    [137, /status 137: killed \(SIGKILL\): out of memory/],
    [143, /status 143: stopped \(SIGTERM\)/],
  ];
  for (const [status, words] of statuses) {
    test(`that ends with ${status} fails the deployment, and says what that means`, async () => {
      const { answer } = await deploy(task([stopped(status)]));
      failed(answer, words, /EssentialContainerExited/, /Task: arn:aws:ecs/);
    });
  }

  test('without an exit status never ran', async () => {
    const { answer } = await deploy(task([stopped(undefined, {
      stopCode: 'TaskFailedToStart', stoppedReason: 'CannotPullContainerError: not found',
      containers: [{ name: 'migrate', reason: 'ResourceInitializationError: no secret' }],
    })]));
    failed(answer, /never ran.*no exit status/, /TaskFailedToStart: CannotPullContainerError: not found/, /Container migrate: ResourceInitializationError/);
  });

  test('is judged by its own container', async () => {
    const sidecar = { name: 'sidecar', exitCode: 0 };
    failed((await deploy(task([stopped(1, { containers: [sidecar, { name: 'migrate', exitCode: 1 }] })]))).answer, /status 1/);
    failed((await deploy(task([stopped(0, { containers: [sidecar] })]))).answer, /container migrate has no exit status/);
    const { answer } = await deploy(task([stopped(0, { containers: [{ name: 'sidecar', exitCode: 137 }, { name: 'migrate', exitCode: 0 }] })]));
    assert.equal(answer.Status, 'SUCCESS');
  });

  test('that fails has the end of its log in the reason', async () => {
    const { answer, cluster } = await deploy(task([stopped(1)], undefined, 'Running upgrade\nFAILED: 2.sql:7:1: no such table\n'));
    failed(answer, /Running upgrade \| FAILED: 2.sql:7:1: no such table/);
    const [group] = cloudFormation.graph.named('MigrationsLogs', 'AWS::Logs::LogGroup');
    const { cluster: name, clientToken } = cluster.requests[0];
    assert.equal(clientToken, `${name}-Create`);
    assert.deepEqual(cluster.logs, [`${group} migrate/migrate/${clientToken}`]);
  });

  test('that fails without a log is no less clear', async () => {
    const { answer, cluster } = await deploy(task([stopped(1)]));
    failed(answer, /status 1: failed\..*Log: MigrationsLogs/);
    assert.equal(cluster.logs.length, 1);
    const elsewhere = await deploy(task([stopped(1)]), {}, { properties: { LogGroup: undefined, LogPrefix: undefined } });
    failed(elsewhere.answer, /status 1: failed\./);
    assert.deepEqual(elsewhere.cluster.logs, []);
  });

  test('whose end takes many words still answers within CloudFormation\'s 4 KB', async () => {
    const { answer } = await deploy(task([stopped(1, { stoppedReason: 'längs "\n'.repeat(2000) })], undefined, '\\"ä'.repeat(5000)));
    failed(answer, /status 1: failed/);
  });
});

describe('ECS', { concurrency: true }, () => {
  test('has no room', async () => {
    const { answer } = await deploy(() => ({ failures: [{ reason: 'RESOURCE:ENI', detail: 'no address is left' }] }));
    failed(answer, /could not be started: ECS says RESOURCE:ENI: no address is left/);
  });

  test('starts nothing and says nothing', async () => {
    failed((await deploy(() => ({ failures: [] }))).answer, /ECS says nothing/);
  });

  test('refuses', async () => {
    const { answer, cluster } = await deploy(() => ({ refused: 'ClusterNotFoundException' }));
    assert.equal(answer.Status, 'FAILED');
    assert.match(answer.Reason, /made up: ClusterNotFoundException/);
    assert.equal(cluster.requests.length, 1);
  });

  test('doesn\'t know of the role yet', async () => {
    let denied = 1;
    const { answer, cluster } = await deploy(() => (denied-- > 0 ? { refused: 'AccessDeniedException' } : task([stopped(0)])()));
    assert.equal(answer.Status, 'SUCCESS');
    assert.equal(cluster.requests.length, 2);
  });

  test('doesn\'t know of the task yet', async () => {
    const { answer } = await deploy(task([stopped(0)]), { unknown: 2 });
    assert.equal(answer.Status, 'SUCCESS');
  });

  test('no longer knows of the task', async () => {
    const { answer } = await deploy(task([running]), { unknown: 99, ageSeconds: 100 });
    failed(answer, /no longer knows.*MISSING.*how it ended is not known/);
  });
});

describe('the deadline', { concurrency: true }, () => {
  const properties = { TimeoutSeconds: '100', StopSeconds: '120' };

  test('stops the task and waits for its end', async () => {
    const { answer, cluster } = await deploy(task([running], stopped(143, { stopCode: 'UserInitiated', stoppedReason: 'aludel-cdk: deadline' })),
      { ageSeconds: 101 }, { properties });
    failed(answer, /was stopped, and ended with exit status 143/, /UserInitiated: aludel-cdk: deadline/);
    assert.equal(cluster.stops[0], 'aludel-cdk: deadline of 100 s');
  });

  test('comes too late for a task that was about to end well', async () => {
    const { answer } = await deploy(task([running], stopped(0)), { ageSeconds: 101 }, { properties });
    assert.equal(answer.Status, 'SUCCESS');
  });

  test('is not yet', async () => {
    const { answer, cluster } = await deploy(task([running, stopped(0)]), { ageSeconds: 50 }, { properties });
    assert.equal(answer.Status, 'SUCCESS');
    assert.deepEqual(cluster.stops, []);
  });

  test('and the time for stopping are over: it gives up, and tells ECS once more', async () => {
    const { answer, cluster } = await deploy(task([running]), { ageSeconds: 281 }, { properties });
    failed(answer, /told to stop after 100 s and is still RUNNING/);
    assert.equal(cluster.stops.length, 1);
  });
});

describe('a rollback', { concurrency: true }, () => {
  for (const stackStatus of ['UPDATE_ROLLBACK_IN_PROGRESS', 'ROLLBACK_IN_PROGRESS']) {
    test(`runs nothing and succeeds (${stackStatus})`, async () => {
      const { answer, cluster } = await deploy(() => assert.fail('started'), { stackStatus }, { type: 'Update' });
      assert.deepEqual([answer.Status, answer.PhysicalResourceId], ['SUCCESS', 'MigrationRun']);
      assert.match(answer.Data!.Outcome, new RegExp(`not run: the stack is in ${stackStatus}`));
      assert.deepEqual(cluster.requests, []);
    });
  }

  for (const stackStatus of ['UPDATE_ROLLBACK_IN_PROGRESS', 'DELETE_IN_PROGRESS']) {
    test(`that begins while the migration runs stops it (${stackStatus})`, async () => {
      const name = `cancelled-${stackStatus}`;
      const cluster = aws.cluster(name, () => {
        cluster.stackStatus = stackStatus;
        return task([running], stopped(143))();
      });
      failed(await cloudFormation.deploy({ cluster: name, type: 'Update' }), /status 143/);
      assert.equal(cluster.stops[0], `aludel-cdk: the stack is in ${stackStatus}`);
    });
  }
});

describe('CloudFormation', { concurrency: true }, () => {
  test('updates: the next request is the next task, under the same id', async () => {
    const { cluster } = await deploy(task([stopped(0)]), {}, { request: 'first' });
    const answer = await cloudFormation.deploy({ cluster: cluster.requests[0].cluster!, type: 'Update', request: 'second', physicalId: 'as it was' });
    assert.deepEqual([answer.Status, answer.PhysicalResourceId], ['SUCCESS', 'as it was']);
    assert.deepEqual(cluster.requests.map((one) => one.clientToken), ['first', 'second']);
  });

  test('deletes: nothing happens to the database', async () => {
    const { answer, cluster } = await deploy(() => assert.fail('started'), { stackStatus: 'DELETE_IN_PROGRESS' }, { type: 'Delete' });
    assert.equal(answer.Status, 'SUCCESS');
    assert.deepEqual(cluster.requests, []);
  });

  test('deletes what could not be created', async () => {
    const { answer: created, cluster } = await deploy(() => ({ failures: [] }));
    const answer = await cloudFormation.deploy({
      cluster: cluster.requests[0].cluster!, type: 'Delete', request: 'delete-failed', physicalId: created.PhysicalResourceId,
    });
    assert.equal(answer.Status, 'SUCCESS');
  });

  test('asks twice, since the first answer was lost: one task', async () => {
    let started = 0;
    const { answer, cluster } = await deploy(() => {
      started++;
      return task([running, stopped(0)])();
    }, {}, { lost: true });
    assert.equal(answer.Status, 'SUCCESS');
    assert.deepEqual([started, cluster.requests.length], [1, 2]);
  });
});
