// cdk deploy -c migrations=REGISTRY/migrations@sha256:… -c application=REGISTRY/api@sha256:…
import { App } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { PlatformStack } from './platform-stack';

const app = new App();
const image = (name: string): string => {
  const value: unknown = app.node.tryGetContext(name);
  if (typeof value !== 'string') throw new Error(`say which image: cdk deploy -c ${name}=REGISTRY/NAME@sha256:…`);
  return value;
};

new PlatformStack(app, 'Platform', {
  migrations: ecs.ContainerImage.fromRegistry(image('migrations')),
  application: ecs.ContainerImage.fromRegistry(image('application')),
  // With digests in the images' names, nothing else is needed to tell one deployment from another; with tags, a commit.
  deploymentId: app.node.tryGetContext('deployment') ?? `${image('migrations')} ${image('application')}`,
});
