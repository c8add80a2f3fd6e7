// What the synthesised template says: each test is a way in which a deployment has gone wrong for somebody.
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, test } from 'node:test';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as rds from 'aws-cdk-lib/aws-rds';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { PipelineStack } from '../examples/pipeline';
import { PlatformStack } from '../examples/platform-stack';
import { MigrationTask, type MigrationTaskProps } from '../lib';
import { feature, Graph, platform, scratch } from './stack';

const run = 'Custom::AludelMigration';

/** A stack with nothing but a task, for what the sample doesn't show. */
function bare(change: (stack: Stack, vpc: ec2.Vpc) => Partial<MigrationTaskProps> = () => ({})): { stack: Stack; task: MigrationTask } {
  const stack = new Stack(new App({ outdir: scratch(), context: feature }), 'Bare');
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2, natGateways: 1, reservedAzs: 1 });
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc });
  const given = change(stack, vpc);
  const taskDefinition = given.taskDefinition ?? definition(stack);
  return { stack, task: new MigrationTask(stack, 'Migration', { cluster, taskDefinition, deploymentId: 'one', ...given }) };
}

function definition(stack: Stack, props: ecs.FargateTaskDefinitionProps = {}, stopTimeout = Duration.seconds(120)): ecs.FargateTaskDefinition {
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', props);
  taskDefinition.addContainer('migrate', { image: ecs.ContainerImage.fromRegistry('migrations'), stopTimeout });
  return taskDefinition;
}

function reaches(graph: Graph, wanted: string[]): void {
  const before = graph.before(graph.one(run));
  for (const id of wanted) assert.ok(before.has(id), `the task may start before ${id}`);
}

describe('the service', () => {
  test('is updated after the migration', () => {
    const graph = new Graph(platform());
    const service = graph.resources[graph.one('AWS::ECS::Service')];
    assert.ok(service.DependsOn?.includes(graph.one(run)));
  });

  test('may be let in by the database that the migration waits for', () => {
    const graph = new Graph(platform());
    const before = graph.before(graph.one(run));
    assert.ok(before.has(graph.named('ServiceSecurityGroup', 'AWS::EC2::SecurityGroup')[0]), 'the case is not the one that makes a circle');
    for (const id of Object.keys(graph.resources)) assert.ok(!graph.before(id).has(id), `${id} waits for itself`);
  });

  test('may be something else', () => {
    const { stack, task } = bare();
    const worker = new lambda.Function(stack, 'Worker', {
      runtime: lambda.Runtime.NODEJS_24_X, handler: 'index.handler', code: lambda.Code.fromInline('exports.handler = () => {}'),
    });
    task.runBefore(worker);
    const graph = new Graph(stack);
    assert.ok(graph.before(graph.named('Worker', 'AWS::Lambda::Function')[0]).has(graph.one(run)));
  });
});

describe('before the task starts, there is', () => {
  test('the right to read the secret', () => {
    const graph = new Graph(platform());
    reaches(graph, graph.named('MigrationsExecutionRoleDefaultPolicy', 'AWS::IAM::Policy'));
  });

  test('the right to read the secret, in a role of its own', () => {
    const { stack } = bare((stack) => {
      const role = () => ({ assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
      const executionRole = new iam.Role(stack, 'Execution', role());
      const taskRole = new iam.Role(stack, 'TaskRole', role());
      executionRole.addToPolicy(new iam.PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: ['*'] }));
      taskRole.addToPolicy(new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: ['*'] }));
      return { taskDefinition: definition(stack, { executionRole, taskRole }) };
    });
    const graph = new Graph(stack);
    reaches(graph, [
      ...graph.named('ExecutionDefaultPolicy', 'AWS::IAM::Policy'), ...graph.named('TaskRoleDefaultPolicy', 'AWS::IAM::Policy'),
    ]);
  });

  test('the right to read a secret that is added later', () => {
    const taskDefinition: ecs.FargateTaskDefinition[] = [];
    const { stack } = bare((one) => {
      taskDefinition.push(definition(one));
      return { taskDefinition: taskDefinition[0] };
    });
    taskDefinition[0].defaultContainer!.addSecret('POSTGRES_PASSWORD', ecs.Secret.fromSecretsManager(new Secret(stack, 'Secret')));
    const graph = new Graph(stack);
    reaches(graph, graph.named('TaskExecutionRoleDefaultPolicy', 'AWS::IAM::Policy'));
    const [policy] = graph.named('MigrationRoleDefaultPolicy', 'AWS::IAM::Policy');
    assert.match(JSON.stringify(graph.resources[policy].Properties), /TaskExecutionRole/);
  });

  test('a log group', () => {
    const graph = new Graph(platform());
    reaches(graph, graph.named('MigrationsLogs', 'AWS::Logs::LogGroup'));
  });

  test('a way out of the subnets: routes, their associations, NAT gateway, internet gateway', () => {
    for (const stack of [platform(), bare().stack]) {
      const graph = new Graph(stack);
      reaches(graph, [
        ...graph.ofType('AWS::EC2::Route'), ...graph.ofType('AWS::EC2::SubnetRouteTableAssociation'),
        ...graph.ofType('AWS::EC2::NatGateway'), ...graph.ofType('AWS::EC2::VPCGatewayAttachment'),
      ]);
    }
  });

  test('a way out of subnets that are not the VPC\'s own', () => {
    const { stack } = bare((stack, vpc) => {
      const subnet = new ec2.PrivateSubnet(stack, 'Own', { vpcId: vpc.vpcId, availabilityZone: 'a', cidrBlock: '10.0.224.0/24' });
      subnet.addDefaultNatRoute('nat-1');
      return { vpcSubnets: { subnets: [subnet] } };
    });
    const graph = new Graph(stack);
    reaches(graph, [...graph.named('Own', 'AWS::EC2::Route'), ...graph.named('Own', 'AWS::EC2::SubnetRouteTableAssociation')]);
  });

  test('a way to the registry by VPC endpoints', () => {
    const { stack } = bare((_, vpc) => {
      vpc.addInterfaceEndpoint('Registry', { service: ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER });
      return {};
    });
    const graph = new Graph(stack);
    reaches(graph, [graph.one('AWS::EC2::VPCEndpoint')]);
  });

  test('a way out of security groups that were given', () => {
    const { stack } = bare((stack, vpc) => {
      const group = (id: string) => new ec2.SecurityGroup(stack, id, { vpc, allowAllOutbound: false });
      const given = group('Given');
      given.addEgressRule(group('Registry'), ec2.Port.tcp(443));
      return { securityGroups: [given] };
    });
    const graph = new Graph(stack);
    reaches(graph, [graph.one('AWS::EC2::SecurityGroupEgress')]);
  });

  test('the database, its secret\'s address, and a way in', () => {
    const graph = new Graph(platform());
    const ingress = graph.ofType('AWS::EC2::SecurityGroupIngress').filter((id) =>
      JSON.stringify(graph.resources[id].Properties.SourceSecurityGroupId).includes('MigrationSecurityGroup'));
    assert.equal(ingress.length, 1, 'the database lets the task in');
    reaches(graph, [graph.one('AWS::RDS::DBInstance'), graph.one('AWS::SecretsManager::SecretTargetAttachment'), ...ingress]);
  });

  test('an Aurora cluster with its instances, behind a security group that was given', () => {
    const { stack } = bare((stack, vpc) => ({
      database: new rds.DatabaseCluster(stack, 'Aurora', {
        engine: rds.DatabaseClusterEngine.auroraPostgres({ version: rds.AuroraPostgresEngineVersion.VER_16_4 }),
        writer: rds.ClusterInstance.serverlessV2('Writer'),
        vpc,
        securityGroups: [new ec2.SecurityGroup(stack, 'Given', { vpc })],
      }),
    }));
    const graph = new Graph(stack);
    reaches(graph, [graph.one('AWS::RDS::DBCluster'), graph.one('AWS::RDS::DBInstance'), graph.one('AWS::EC2::SecurityGroupIngress')]);
  });

  test('all that the handler may do', () => {
    const graph = new Graph(platform());
    reaches(graph, [
      ...graph.named('MigrationRoleDefaultPolicy', 'AWS::IAM::Policy'),
      ...graph.named('MigrationProvider', 'AWS::IAM::Policy'),
      graph.one('AWS::StepFunctions::StateMachine'),
    ]);
  });
});

describe('a deployment', () => {
  test('runs the migration: its id, and nothing else, differs from the one before', () => {
    const [one, two] = ['one', 'two'].map((deploymentId) => new Graph(platform({ deploymentId })).resources);
    const changed = Object.keys(two).filter((id) => JSON.stringify(one[id]) !== JSON.stringify(two[id]));
    assert.deepEqual(changed.map((id) => two[id].Type), [run]);
    assert.equal(two[changed[0]].Properties.DeploymentId, 'two');
  });

  test('without an id is told from others by its time', () => {
    const earliest = Date.now();
    const { stack } = bare(() => ({ deploymentId: undefined }));
    const graph = new Graph(stack);
    assert.ok(Date.parse(graph.resources[graph.one(run)].Properties.DeploymentId) >= earliest);
  });

  test('of another image changes no policy of the handler: IAM takes time to make a change known', () => {
    const policies = ['1', '2'].map((digest) => {
      const graph = new Graph(platform({ migrations: ecs.ContainerImage.fromRegistry(`registry.example/migrations@sha256:${digest}`) }));
      return graph.named('MigrationRole', 'AWS::IAM::Policy').map((id) => graph.resources[id]);
    });
    assert.deepEqual(policies[0], policies[1]);
  });
});

describe('the run', () => {
  test('has the command, the network and the deadline', () => {
    const graph = new Graph(platform());
    const { Properties: p } = graph.resources[graph.one(run)];
    assert.deepEqual(p.Command, ['upgrade', 'head']);
    assert.equal(p.Container, 'migrate');
    assert.deepEqual(p.TaskDefinition, { Ref: graph.named('Migrations', 'AWS::ECS::TaskDefinition')[0] });
    assert.deepEqual(p.Subnets.map((one: { Ref: string }) => one.Ref), graph.named('VpcPrivate', 'AWS::EC2::Subnet'));
    assert.deepEqual([p.AssignPublicIp, p.TimeoutSeconds, p.StopSeconds], ['DISABLED', '1800', '120']);
  });

  test('may be in a public subnet, of another platform version, with the image\'s own command', () => {
    const { stack } = bare(() => ({
      vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC }, assignPublicIp: true, platformVersion: ecs.FargatePlatformVersion.VERSION1_4,
    }));
    const graph = new Graph(stack);
    const { Properties: p } = graph.resources[graph.one(run)];
    assert.deepEqual([p.AssignPublicIp, p.PlatformVersion, p.Command], ['ENABLED', '1.4.0', undefined]);
    assert.deepEqual(p.Subnets.map((one: { Ref: string }) => one.Ref), graph.named('VpcPublic', 'AWS::EC2::Subnet'));
  });

  for (const minutes of [1, 30, 50]) {
    test(`of ${minutes} minutes ends by the handler's deadline, before the framework's and CloudFormation's`, () => {
      const { stack } = bare(() => ({ timeout: Duration.minutes(minutes) }));
      const graph = new Graph(stack);
      const { Properties: p } = graph.resources[graph.one(run)];
      const machine = JSON.stringify(graph.resources[graph.one('AWS::StepFunctions::StateMachine')].Properties.DefinitionString);
      const number = (key: string) => Number(new RegExp(`${key}\\\\*":(\\d+)`).exec(machine)![1]);
      const framework = number('IntervalSeconds') * number('MaxAttempts');
      const handler = Number(p.TimeoutSeconds) + Number(p.StopSeconds) + 60; // until it no longer waits for SIGKILL
      assert.equal(Number(p.TimeoutSeconds), minutes * 60);
      assert.ok(handler + 60 <= framework, `handler ${handler} s, framework ${framework} s`);
      assert.ok(framework < Number(p.ServiceTimeout), `framework ${framework} s, CloudFormation ${p.ServiceTimeout} s`);
      assert.ok(Number(p.ServiceTimeout) <= 3600);
    });
  }

  test('of more than 50 minutes is refused', () => {
    assert.throws(() => bare(() => ({ timeout: Duration.minutes(51) })), /longer than 50 minutes.*gives up after an hour/);
  });

  test('of a container that is not there is refused', () => {
    assert.throws(() => bare(() => ({ containerName: 'api' })), /no container "api"/);
    assert.throws(() => bare((stack) => ({ taskDefinition: new ecs.FargateTaskDefinition(stack, 'Empty') })), /no container yet/);
  });

  test('that has no time to end is warned about', () => {
    const warning = Match.stringLikeRegexp('killed 30 s after.*stopTimeout of 120 s');
    const { stack } = bare((stack) => ({ taskDefinition: definition(stack, {}, Duration.seconds(30)) }));
    Annotations.fromStack(stack).hasWarning('/Bare/Migration', warning);
    Annotations.fromStack(platform()).hasNoWarning('/Platform/Migration', Match.anyValue());
  });
});

test('the keys of RDS\'s secret come as POSTGRES_*', () => {
  const graph = new Graph(platform());
  const [container] = graph.resources[graph.named('Migrations', 'AWS::ECS::TaskDefinition')[0]].Properties.ContainerDefinitions;
  const attachment = { Ref: graph.one('AWS::SecretsManager::SecretTargetAttachment') };
  const keys = container.Secrets.map((one: { Name: string; ValueFrom: { 'Fn::Join': [string, unknown[]] } }) => {
    const [secret, key] = one.ValueFrom['Fn::Join'][1];
    assert.deepEqual(secret, attachment, 'host and port are only in the secret once it is attached');
    return [one.Name, key];
  });
  assert.deepEqual(Object.fromEntries(keys), {
    POSTGRES_SERVER: ':host::', POSTGRES_PORT: ':port::', POSTGRES_DB: ':dbname::', POSTGRES_USER: ':username::', POSTGRES_PASSWORD: ':password::',
  });
  assert.equal(container.StopTimeout, 120);
});

test('the handler may do what it does, on its own things', () => {
  const graph = new Graph(platform());
  const [id] = graph.named('MigrationRoleDefaultPolicy', 'AWS::IAM::Policy');
  const cluster = graph.one('AWS::ECS::Cluster');
  const inCluster = { ArnEquals: { 'ecs:cluster': { 'Fn::GetAtt': [cluster, 'Arn'] } } };
  const [log] = graph.named('MigrationsLogs', 'AWS::Logs::LogGroup');
  const arn = (service: string, ...rest: unknown[]) => ({ 'Fn::Join': ['', [
    'arn:', { Ref: 'AWS::Partition' }, `:${service}:`, { Ref: 'AWS::Region' }, ':', { Ref: 'AWS::AccountId' }, ...rest]] });
  const family = graph.resources[graph.named('Migrations', 'AWS::ECS::TaskDefinition')[0]].Properties.Family;
  const roles = ['MigrationsExecutionRole', 'MigrationsTaskRole'].map((name) => ({ 'Fn::GetAtt': [graph.named(name, 'AWS::IAM::Role')[0], 'Arn'] }));
  const effect = 'Allow';
  assert.deepEqual(graph.resources[id].Properties.PolicyDocument.Statement, [
    { Action: 'ecs:RunTask', Resource: arn('ecs', `:task-definition/${family}:*`), Condition: inCluster, Effect: effect },
    { Action: ['ecs:DescribeTasks', 'ecs:StopTask'], Resource: arn('ecs', ':task/', { Ref: cluster }, '/*'), Condition: inCluster, Effect: effect },
    { Action: 'iam:PassRole', Resource: roles, Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } }, Effect: effect },
    { Action: 'cloudformation:DescribeStacks', Resource: { Ref: 'AWS::StackId' }, Effect: effect },
    { Action: 'logs:GetLogEvents', Resource: arn('logs', ':log-group:', { Ref: log }, ':log-stream:migrate/migrate/*'), Effect: effect },
  ]);
});

test('the handler is one file, and its functions are in it', () => {
  const graph = new Graph(platform());
  for (const name of ['onEvent', 'isComplete']) {
    const [id] = graph.named(`Migration${name}`, 'AWS::Lambda::Function');
    const { Properties: p } = graph.resources[id];
    assert.deepEqual([p.Handler, p.Runtime], [`index.${name}`, 'nodejs24.x']);
    assert.deepEqual(readdirSync(graph.asset(id)), ['index.js']);
    assert.equal(typeof require(path.join(__dirname, '../handler/index.js'))[name], 'function');
  }
});

test('a database in another stack is waited for', () => {
  const app = new App({ outdir: scratch(), context: feature });
  const base = new Stack(app, 'Base');
  const vpc = new ec2.Vpc(base, 'Vpc');
  const database = new rds.DatabaseInstance(base, 'Database', {
    vpc, storageEncrypted: true, engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
  });
  const stack = new Stack(app, 'Service');
  const cluster = new ecs.Cluster(stack, 'Cluster', { vpc });
  new MigrationTask(stack, 'Migration', { cluster, database, taskDefinition: definition(stack) });
  const graph = new Graph(stack);
  assert.ok(stack.dependencies.includes(base));
  reaches(graph, [graph.one('AWS::EC2::SecurityGroupIngress')]);
});

test('the pipeline builds itself, and migrates in each stage', () => {
  const app = new App({ outdir: scratch(), context: feature });
  const folder = scratch();
  writeFileSync(path.join(folder, 'Dockerfile'), 'FROM scratch\n');
  const pipeline = new PipelineStack(app, 'Pipeline', {
    repository: 'owner/name', connection: 'arn:aws:codeconnections:eu-central-1:111111111111:connection/1', migrations: folder, application: folder,
  });
  const graph = new Graph(pipeline);
  const { Stages } = graph.resources[graph.one('AWS::CodePipeline::Pipeline')].Properties;
  assert.deepEqual(Stages.map((one: { Name: string }) => one.Name), ['Source', 'Build', 'UpdatePipeline', 'Assets', 'Staging', 'Production']);
  const deployed = pipeline.node.findAll().filter((one) => one instanceof PlatformStack);
  assert.equal(deployed.length, 2);
  for (const stack of deployed) assert.ok(new Graph(stack).one(run));
});
