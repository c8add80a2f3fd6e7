// Tasks that really run: podman and runc in Fargate's place.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { Running, State } from './aws';
import { scratch } from './stack';

const root = path.join(__dirname, '../../../..');

/** Debian 12's podman, in a container or a small virtual machine: crun refuses the cgroups, and limits above our own are not ours to give. */
const flags = ['--runtime', 'runc', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024', '--network', 'host', '--pull', 'never'];

/** Why containers can't be had on this system, if they can't. */
export function unavailable(): string | undefined {
  for (const [program, version] of [['podman', '--version'], ['runc', '--version'], ['go', 'version']]) {
    if (spawnSync(program, [version]).status !== 0) return `${program} is not installed`;
  }
  const tag = 'localhost/aludel-cdk-probe';
  const folder = scratch();
  writeFileSync(path.join(folder, 'Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\n');
  const built = spawnSync('podman', ['build', '--isolation', 'chroot', '-q', '-t', tag, folder], { encoding: 'utf8' });
  if (built.status !== 0) return `podman can't build here: ${built.stderr.trim()}`;
  // There is nothing in it to run, and podman says 127. It says 125 where it can't run anything.
  const ran = spawnSync('podman', ['run', '--rm', ...flags, tag, '/nothing'], { encoding: 'utf8' });
  spawnSync('podman', ['rmi', '-f', tag]);
  return ran.status === 127 ? undefined : `podman can't run here: ${ran.stderr.trim()}`;
}

export interface Images {
  /** aludel's own image with revision files: its entry point is the program. */
  readonly aludel: string;
  /** An application's image that has aludel in it, and no entry point. */
  readonly application: string;
  remove(): void;
}

/** @param files revision files by path */
export function build(files: Record<string, string>): Images {
  const folder = scratch();
  execFileSync('go', ['build', '-trimpath', '-ldflags', '-s -w', '-o', path.join(folder, 'aludel'), './cmd/aludel'],
    { cwd: root, env: { ...process.env, CGO_ENABLED: '0' }, stdio: 'inherit' });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, 'srv', name)), { recursive: true });
    writeFileSync(path.join(folder, 'srv', name), text);
  }
  const image = (name: string, dockerfile: string): string => {
    const tag = `localhost/aludel-cdk-${name}:${process.pid}`;
    writeFileSync(path.join(folder, name), dockerfile);
    execFileSync('podman', ['build', '--isolation', 'chroot', '-q', '-t', tag, '-f', path.join(folder, name), folder], { stdio: ['ignore', 'ignore', 'inherit'] });
    return tag;
  };
  const common = 'FROM scratch\nCOPY srv /srv\nWORKDIR /srv\nUSER 65532:65532\n';
  const images = {
    aludel: image('own', `${common}COPY aludel /aludel\nENTRYPOINT ["/aludel"]\n`),
    application: image('application', `${common}COPY aludel /usr/local/bin/aludel\nENV PATH=/usr/local/bin\nCMD ["api"]\n`),
  };
  return { ...images, remove: () => void spawnSync('podman', ['rmi', '-f', images.aludel, images.application]) };
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
