// A PostgreSQL server on loopback, for as long as the tests run.
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import * as path from 'node:path';

export const password = 'with a space, and "quotes"';

/** The folder of the server's programs, newest version first. */
export function serverPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  return [process.env.ALUDEL_TEST_POSTGRES_BIN, ...versions.map((one) => path.join(debian, one, 'bin')), ...(process.env.PATH ?? '').split(':')]
    .find((one) => one !== undefined && ['initdb', 'pg_ctl', 'psql'].every((program) => existsSync(path.join(one, program))));
}

export class Postgres {
  private constructor(private readonly programs: string, private readonly folder: string, readonly port: number) {}

  static async start(programs: string): Promise<Postgres> {
    const folder = mkdtempSync(path.join(tmpdir(), 'aludel-cdk-postgres-'));
    const server = new Postgres(programs, folder, await freePort());
    if (process.getuid?.() === 0) chownSync(folder, nobody, nobody); // PostgreSQL refuses root
    const passwordFile = path.join(folder, 'password');
    writeFileSync(passwordFile, password, { mode: 0o644 });
    const data = path.join(folder, 'data');
    server.run('initdb', ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile, '--no-sync', '-E', 'UTF8', '--locale', 'C']);
    server.run('pg_ctl', ['-D', data, '-w', '-l', path.join(folder, 'log'),
      '-o', `-c listen_addresses=127.0.0.1 -c port=${server.port} -c unix_socket_directories=${folder} -c fsync=off`, 'start']);
    server.query('postgres', `CREATE ROLE platform LOGIN PASSWORD '${password.replaceAll("'", "''")}'`);
    return server;
  }

  stop(): void {
    this.run('pg_ctl', ['-D', path.join(this.folder, 'data'), '-m', 'immediate', 'stop']);
    rmSync(this.folder, { recursive: true });
  }

  /** A database of its own, owned by a role that is no superuser: RDS gives none. */
  createDatabase(name: string): void {
    this.query('postgres', `CREATE DATABASE "${name}" OWNER platform`);
  }

  query(database: string, sql: string): string {
    return execFileSync(path.join(this.programs, 'psql'),
      ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'postgres', '-d', database, '-XAtqc', sql],
      { env: { ...process.env, PGPASSWORD: password }, encoding: 'utf8' }).trim();
  }

  private run(program: string, args: string[]): void {
    const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
    // The server keeps what it inherits: a pipe would never end.
    execFileSync(path.join(this.programs, program), args, { ...user, cwd: this.folder, stdio: ['ignore', 'ignore', 'inherit'] });
  }
}

const nobody = 65534;

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
