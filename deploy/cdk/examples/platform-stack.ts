import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import type { Construct } from 'constructs';
import { MigrationTask } from '../lib';

export interface PlatformStackProps extends StackProps {
  /** aludel's image with the revision files in it: its entry point is the program. */
  readonly migrations: ecs.ContainerImage;
  /** The application. */
  readonly application: ecs.ContainerImage;
  /** A commit, an image's digest, the number of a build. */
  readonly deploymentId?: string;
}

/** A VPC, a database with a generated password, and a service that is only updated once the database has been migrated. */
export class PlatformStack extends Stack {
  readonly migration: MigrationTask;

  constructor(scope: Construct, id: string, props: PlatformStackProps) {
    super(scope, id, props);
    const vpc = new ec2.Vpc(this, 'Vpc', { maxAzs: 2, natGateways: 1 });
    const cluster = new ecs.Cluster(this, 'Cluster', { vpc });
    const database = new rds.DatabaseInstance(this, 'Database', {
      vpc,
      engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
      instanceType: ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.SMALL),
      credentials: rds.Credentials.fromGeneratedSecret('platform'),
      databaseName: 'platform',
      storageEncrypted: true,
      backupRetention: Duration.days(7),
      removalPolicy: RemovalPolicy.SNAPSHOT,
    });

    const migrations = this.task('Migrations', props.migrations, 'migrate', database);
    this.migration = new MigrationTask(this, 'Migration', {
      cluster,
      taskDefinition: migrations,
      command: ['upgrade', 'head'],
      database,
      deploymentId: props.deploymentId,
    });

    const service = new ecs.FargateService(this, 'Service', {
      cluster,
      taskDefinition: this.task('Application', props.application, 'api', database),
      desiredCount: 2,
      minHealthyPercent: 100,
      circuitBreaker: { rollback: true },
    });
    database.connections.allowDefaultPortFrom(service);
    this.migration.runBefore(service);
  }

  private task(id: string, image: ecs.ContainerImage, container: string, database: rds.DatabaseInstance): ecs.FargateTaskDefinition {
    const definition = new ecs.FargateTaskDefinition(this, id, { cpu: 256, memoryLimitMiB: 512 });
    const secret = database.secret!;
    definition.addContainer(container, {
      image,
      stopTimeout: Duration.seconds(120),
      logging: ecs.LogDriver.awsLogs({
        streamPrefix: container,
        logGroup: new logs.LogGroup(definition, 'Logs', { retention: logs.RetentionDays.THREE_MONTHS, removalPolicy: RemovalPolicy.DESTROY }),
      }),
      environment: { POSTGRES_SCHEMA: 'public', PGSSLMODE: 'require' },
      // The keys that RDS gives its secret, under the names that aludel reads.
      secrets: {
        POSTGRES_SERVER: ecs.Secret.fromSecretsManager(secret, 'host'),
        POSTGRES_PORT: ecs.Secret.fromSecretsManager(secret, 'port'),
        POSTGRES_DB: ecs.Secret.fromSecretsManager(secret, 'dbname'),
        POSTGRES_USER: ecs.Secret.fromSecretsManager(secret, 'username'),
        POSTGRES_PASSWORD: ecs.Secret.fromSecretsManager(secret, 'password'),
      },
    });
    return definition;
  }
}
