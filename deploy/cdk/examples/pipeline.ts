// cdk deploy --app 'node dist/examples/pipeline.js' -c repository=OWNER/NAME -c connection=ARN
//
// The pipeline builds itself anew from each commit, then deploys the stack. The migration is part of the stack: it runs here as it
// does under `cdk deploy`, and a failed one fails the stage.
import { App, Stack, Stage, type StackProps } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { CodePipeline, CodePipelineSource, ManualApprovalStep, ShellStep } from 'aws-cdk-lib/pipelines';
import type { Construct } from 'constructs';
import { PlatformStack } from './platform-stack';

export interface PipelineStackProps extends StackProps {
  /** OWNER/NAME on GitHub. */
  readonly repository: string;
  readonly branch?: string;
  /** ARN of the CodeConnections connection that may read it. */
  readonly connection: string;
  /** Folder with the Dockerfile of the migrations (aludel's image with the revision files). */
  readonly migrations: string;
  /** Folder with the Dockerfile of the application. */
  readonly application: string;
  /** The commit; CodeBuild has it in CODEBUILD_RESOLVED_SOURCE_VERSION. */
  readonly deploymentId?: string;
}

export class PipelineStack extends Stack {
  constructor(scope: Construct, id: string, props: PipelineStackProps) {
    super(scope, id, props);
    const pipeline = new CodePipeline(this, 'Pipeline', {
      crossAccountKeys: true,
      synth: new ShellStep('Synth', {
        input: CodePipelineSource.connection(props.repository, props.branch ?? 'main', { connectionArn: props.connection }),
        commands: ['npm ci', 'npx tsc', `npx cdk synth --app 'node dist/examples/pipeline.js' -c repository=${props.repository} -c connection=${props.connection}`],
      }),
    });
    for (const name of ['Staging', 'Production']) {
      const stage = new Stage(this, name, { env: props.env });
      new PlatformStack(stage, 'Platform', {
        migrations: ecs.ContainerImage.fromAsset(props.migrations),
        application: ecs.ContainerImage.fromAsset(props.application),
        deploymentId: props.deploymentId,
      });
      pipeline.addStage(stage, { pre: name === 'Production' ? [new ManualApprovalStep('Release')] : [] });
    }
  }
}

if (require.main === module) {
  const app = new App();
  const given = (name: string): string => {
    const value: unknown = app.node.tryGetContext(name);
    if (typeof value !== 'string') throw new Error(`say -c ${name}=…`);
    return value;
  };
  new PipelineStack(app, 'Pipeline', {
    repository: given('repository'),
    connection: given('connection'),
    migrations: app.node.tryGetContext('migrations') ?? 'migrations',
    application: app.node.tryGetContext('application') ?? 'application',
    deploymentId: process.env.CODEBUILD_RESOLVED_SOURCE_VERSION,
  });
}
