// Tasks that really run: podman and runc in Fargate's place.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { Running, State } from './aws';
import { scratch } from './stack';

const root = path.join(__dirname, '../../../..');

/** Debian 12's podman, in a container or a small virtual machine: crun refuses the cgroups, and limits above our own are not ours to give. */
const flags = ['--runtime', 'runc', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024', '--network', 'host', '--pull', 'never'];

/** What deploy/Dockerfile copies, or why there can be no containers here. */
export function context(): { folder: string } | { skip: string } {
  for (const [program, version] of [['podman', '--version'], ['go', 'version']]) {
    if (spawnSync(program, [version]).status !== 0) return { skip: `${program} is not installed` };
  }
  const folder = scratch();
  const collected = spawnSync(path.join(root, 'deploy/context'), [folder], { encoding: 'utf8' });
  if (collected.status !== 0) return { skip: `deploy/context: ${collected.stderr.trim()}` };
  try {
    const tag = image('probe', path.join(root, 'deploy/Dockerfile'), folder, []);
    execFileSync('podman', ['run', '--rm', ...flags, tag, '--version'], { stdio: 'pipe' });
    spawnSync('podman', ['rmi', '-f', tag]);
    return { folder };
  } catch (error) {
    return { skip: `podman can't build and run images here: ${(error as Error).message}` };
  }
}

export interface Images {
  /** aludel's own image with a project's files: its entry point is the program. */
  readonly aludel: string;
  /** An application's image that has aludel in it, and no entry point. */
  readonly application: string;
  remove(): void;
}

/** The images of deploy, with a project's files in them. */
export function build(folder: string, files: Record<string, string>): Images {
  const project = scratch();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(project, name)), { recursive: true });
    writeFileSync(path.join(project, name), text);
  }
  const aludel = image('aludel', path.join(root, 'deploy/Dockerfile'), folder, []);
  const examples = path.join(root, 'deploy/example');
  const from = ['--build-arg', `ALUDEL=${aludel}`];
  const images = {
    aludel: image('migrations', path.join(examples, 'Dockerfile'), project, from),
    application: image('application', path.join(examples, 'Dockerfile.application'), project, from),
  };
  return { ...images, remove: () => void spawnSync('podman', ['rmi', '-f', images.aludel, images.application, aludel]) };
}

function image(name: string, dockerfile: string, folder: string, args: string[]): string {
  const tag = `localhost/aludel-cdk-${name}:${process.pid}`;
  execFileSync('podman', ['build', '--isolation', 'chroot', '-q', '-t', tag, '-f', dockerfile, ...args, folder], { stdio: 'pipe' });
  return tag;
}

/** Starts a container as ECS would, and answers at once. */
export function start(name: string, image: string, environment: Record<string, string>, command: string[]): Running {
  let state: State = { lastStatus: 'RUNNING', containers: [{ name: 'migrate' }] };
  let end: State = { stopCode: 'EssentialContainerExited', stoppedReason: 'Essential container in task exited' };
  let said = '';
  const container = spawn('podman', ['run', '--rm', '--name', name, ...flags, '--read-only', '--cap-drop', 'all',
    ...Object.keys(environment).flatMap((one) => ['--env', one]), image, ...command], { env: { ...process.env, ...environment } });
  for (const stream of [container.stdout, container.stderr]) stream.on('data', (chunk) => { said += chunk; });
  container.on('close', (status, signal) => {
    // 125 is podman's own failure: there was no container that could have had an exit status.
    state = status === 125 || signal
      ? { lastStatus: 'STOPPED', stopCode: 'TaskFailedToStart', stoppedReason: `CannotPullContainerError: ${said}`, containers: [{ name: 'migrate' }] }
      : { lastStatus: 'STOPPED', ...end, containers: [{ name: 'migrate', exitCode: status! }] };
  });
  return {
    state: () => state,
    log: () => said,
    stop: (stoppedReason) => {
      end = { stopCode: 'UserInitiated', stoppedReason };
      spawn('podman', ['stop', '--time', '120', name], { stdio: 'ignore' });
    },
  };
}
