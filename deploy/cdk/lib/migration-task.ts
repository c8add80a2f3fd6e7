import * as path from 'node:path';
import { Annotations, ArnFormat, CustomResource, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { Construct, type IConstruct, type IDependable } from 'constructs';
import type { Properties } from '../handler';

export interface MigrationTaskProps {
  /** The cluster that the task runs in. Its VPC is the task's. */
  readonly cluster: ecs.ICluster;

  /** What to run: a Fargate task definition whose image has aludel and the revision files. */
  readonly taskDefinition: ecs.FargateTaskDefinition;

  /**
   * The container whose exit status decides.
   * @default - the task definition's first essential container
   */
  readonly containerName?: string;

  /**
   * Takes the place of the image's command; ECS can't replace an entry point. With aludel's image, whose entry point is the
   * program: `['upgrade', 'head']`. With an application's image that has none: `['aludel', '-c', 'app/db/aludel.toml', 'upgrade', 'head']`.
   * @default - the command of the task definition, or of the image
   */
  readonly command?: string[];

  /**
   * The database, or whatever else has to be there before: an instance, a cluster, a proxy. The task waits for all that belongs
   * to it (the instance, the attachment of its secret, the rules of its security groups). If it has a default port, the task is
   * let in.
   * @default - nothing; say `migration.node.addDependency(…)` yourself
   */
  readonly database?: IConstruct & Partial<ec2.IConnectable>;

  /**
   * Where in the VPC the task runs. It has to reach the image's registry, Secrets Manager and the logs from there.
   * @default - private subnets with a way out
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * @default - one of its own, which may go out and nothing may come in
   */
  readonly securityGroups?: ec2.ISecurityGroup[];

  /**
   * A public address, which a task in a public subnet needs to fetch its image.
   * @default false
   */
  readonly assignPublicIp?: boolean;

  /**
   * @default - ECS's, which is LATEST
   */
  readonly platformVersion?: ecs.FargatePlatformVersion;

  /**
   * How long the migration may take, from the start of the task on. Then it is stopped and the deployment fails. At most
   * 50 minutes: CloudFormation waits for an hour and not longer.
   * @default Duration.minutes(30)
   */
  readonly timeout?: Duration;

  /**
   * What differs from one deployment to the next: a commit, an image's digest, the number of a build. CloudFormation only calls
   * upon a resource whose properties have changed, and a tag like `latest` is no change.
   * @default - the time of the synthesis: a run at every deployment, and a line in every `cdk diff`
   */
  readonly deploymentId?: string;
}

/** Fargate's most. The more of it a container has, the more surely aludel gets to cancel on the server what it runs. */
const longestStop = Duration.seconds(120);

const longestTimeout = Duration.minutes(50);

/**
 * Runs database migrations as a one-off Fargate task at every deployment, waits for its exit status, and fails the
 * deployment (which CloudFormation then rolls back) when it isn't 0. `runBefore(service)` keeps the service as it was until then.
 */
export class MigrationTask extends Construct implements ec2.IConnectable {
  readonly connections: ec2.Connections;

  /** The custom resource that is the run. */
  readonly resource: CustomResource;

  constructor(scope: Construct, id: string, props: MigrationTaskProps) {
    super(scope, id);
    const container = containerOf(props);
    const log = logOf(container);
    const stop = this.stopTimeout(container);
    const timeout = timeoutOf(props);
    const subnets = props.cluster.vpc.selectSubnets(props.vpcSubnets ?? { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS });
    const groups = props.securityGroups ?? [new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc: props.cluster.vpc,
      description: 'Database migrations',
    })];
    this.connections = new ec2.Connections({ securityGroups: groups });
    // From this side, not the database's: across stacks the rule is then ours, and theirs needn't know of us.
    if (props.database?.connections?.defaultPort) {
      this.connections.allowToDefaultPort(props.database as ec2.IConnectable, 'database migrations');
    }

    const properties: Properties = {
      Cluster: props.cluster.clusterArn,
      TaskDefinition: props.taskDefinition.taskDefinitionArn,
      Container: container.containerName,
      Command: props.command,
      Subnets: subnets.subnetIds,
      SecurityGroups: groups.map((group) => group.securityGroupId),
      AssignPublicIp: props.assignPublicIp ? 'ENABLED' : 'DISABLED',
      PlatformVersion: props.platformVersion,
      TimeoutSeconds: String(timeout.toSeconds()),
      StopSeconds: String(stop.toSeconds()),
      LogGroup: log?.group,
      LogPrefix: log?.prefix,
      DeploymentId: props.deploymentId ?? new Date().toISOString(),
    };
    const provider = this.provider(this.role(props, container.containerName, log), timeout.plus(stop));
    this.resource = new CustomResource(this, 'Run', {
      resourceType: 'Custom::AludelMigration',
      serviceToken: provider.serviceToken,
      // Behind the framework's own timeout: it is what is left when the framework itself is gone.
      serviceTimeout: timeout.plus(stop).plus(Duration.minutes(6)),
      properties,
    });
    this.waitFor(props, subnets);
  }

  /**
   * Keeps services (or whatever else speaks to the new schema) as they are until the migration has succeeded.
   *
   * Of a service only the service itself waits, not its security group: a database that lets the group in, and that the
   * migration waits for, would close a circle.
   */
  runBefore(...dependents: IConstruct[]): this {
    for (const dependent of dependents) {
      const services = dependent.node.findAll().filter((one) => one instanceof ecs.CfnService);
      for (const one of services.length > 0 ? services : [dependent]) one.node.addDependency(this.resource);
    }
    return this;
  }

  /**
   * References alone let the task start before its secret may be read, its subnets have a way out or the database listens: at
   * a first deployment that is a race (aws-cdk #18675, #24880).
   */
  private waitFor(props: MigrationTaskProps, subnets: ec2.SelectedSubnets): void {
    const { taskDefinition, cluster, database } = props;
    const needed: IDependable[] = [
      taskDefinition.taskRole, // with their policies, which nothing refers to
      taskDefinition.obtainExecutionRole(),
      ...subnets.subnets, // with their routes, the NAT gateway behind these, and the association of the route table
      cluster.vpc, // with its endpoints
      ...this.connections.securityGroups,
      ...(database ? [database, ...(database.connections?.securityGroups ?? [])] : []),
    ];
    this.resource.node.addDependency(...needed);
  }

  private provider(role: iam.IRole, longestRun: Duration): Provider {
    const logGroup = new logs.LogGroup(this, 'Logs', { retention: logs.RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY });
    const code = lambda.Code.fromAsset(path.join(__dirname, '..', 'handler'), { exclude: ['*.d.ts'] });
    const handler = (name: string, timeout: Duration) => new lambda.Function(this, name, {
      description: `Aludel: database migrations (${this.node.path})`.slice(0, 256),
      runtime: lambda.Runtime.NODEJS_24_X,
      handler: `index.${name}`,
      code,
      role,
      timeout,
      logGroup,
    });
    const interval = Duration.seconds(10);
    const total = longestRun.toSeconds() + 180; // StopTask, SIGKILL and a few polls more
    return new Provider(this, 'Provider', {
      onEventHandler: handler('onEvent', Duration.minutes(5)),
      isCompleteHandler: handler('isComplete', Duration.minutes(2)),
      queryInterval: interval,
      totalTimeout: Duration.seconds(Math.ceil(total / interval.toSeconds()) * interval.toSeconds()),
      logGroup,
    });
  }

  private role({ cluster, taskDefinition }: MigrationTaskProps, container: string, log: Log | undefined): iam.IRole {
    const stack = Stack.of(this);
    const role = new iam.Role(this, 'Role', {
      description: 'Starts, watches and stops database migrations',
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      managedPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName('service-role/AWSLambdaBasicExecutionRole')],
    });
    const inCluster = { ArnEquals: { 'ecs:cluster': cluster.clusterArn } };
    const allow = (actions: string[], resources: string[], conditions?: Record<string, unknown>) =>
      role.addToPolicy(new iam.PolicyStatement({ actions, resources, conditions }));
    // All revisions of the one family. A policy that named the revision would change with each deployment, a moment before
    // it is needed, and IAM takes seconds to make a change known.
    allow(['ecs:RunTask'], [stack.formatArn({
      service: 'ecs', resource: 'task-definition', resourceName: `${taskDefinition.family}:*`,
    })], inCluster);
    allow(['ecs:DescribeTasks', 'ecs:StopTask'], [stack.formatArn({
      service: 'ecs', resource: 'task', resourceName: `${cluster.clusterName}/*`, arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    })], inCluster);
    // The execution role is made when it is first needed, which may be by a secret that is added later.
    allow(['iam:PassRole'], [taskDefinition.taskRole.roleArn, taskDefinition.obtainExecutionRole().roleArn], {
      StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
    });
    allow(['cloudformation:DescribeStacks'], [stack.stackId]);
    if (log) {
      allow(['logs:GetLogEvents'], [stack.formatArn({
        service: 'logs', resource: 'log-group', arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        resourceName: `${log.group}:log-stream:${log.prefix}/${container}/*`,
      })]);
    }
    return role;
  }

  private stopTimeout(container: ecs.ContainerDefinition): Duration {
    const seconds = container.renderContainerDefinition().stopTimeout;
    if (seconds === undefined || seconds < longestStop.toSeconds()) {
      Annotations.of(this).addWarningV2('aludel:stopTimeout', `container ${container.containerName} is killed ${seconds ?? 30} s after it was told to stop: `
        + `give it a stopTimeout of ${longestStop.toSeconds()} s, so that aludel can cancel on the server what it runs and say where things stand`);
    }
    return Duration.seconds(seconds ?? 30);
  }
}

function containerOf({ taskDefinition, containerName }: MigrationTaskProps): ecs.ContainerDefinition {
  const container = containerName ? taskDefinition.findContainer(containerName) : taskDefinition.defaultContainer;
  if (!container) {
    throw new Error(containerName
      ? `MigrationTask: the task definition has no container "${containerName}"`
      : 'MigrationTask: the task definition has no container yet; add it before the MigrationTask');
  }
  return container;
}

interface Log {
  readonly group: string;
  readonly prefix: string;
}

/** Where the end of the log can be read when a migration has failed: only in CloudWatch. */
function logOf(container: ecs.ContainerDefinition): Log | undefined {
  const log = container.renderContainerDefinition().logConfiguration as ecs.CfnTaskDefinition.LogConfigurationProperty | undefined;
  const options = (log?.options ?? {}) as Record<string, string>;
  const [group, prefix] = [options['awslogs-group'], options['awslogs-stream-prefix']];
  return log?.logDriver === 'awslogs' && group && prefix ? { group, prefix } : undefined;
}

function timeoutOf({ timeout = Duration.minutes(30) }: MigrationTaskProps): Duration {
  if (timeout.toSeconds() > longestTimeout.toSeconds()) {
    throw new Error(`MigrationTask: a timeout of ${timeout.toHumanString()} is longer than ${longestTimeout.toHumanString()}. `
      + 'CloudFormation gives up after an hour; run longer work on its own, before the deployment (docs/batches.md)');
  }
  return timeout;
}
