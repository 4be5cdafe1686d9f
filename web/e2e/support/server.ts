// The real server, on a port and over a folder of its own. It can be killed like a machine that loses its power, and started
// again over what is on disk.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

/** The program; `make test` has built it. */
const PROGRAM = process.env.PALABRE ?? resolve(import.meta.dirname, '../../../target/debug/palabre');
/** How long it may take to start, in milliseconds. */
const START_MS_MAX = 60_000;
/** Said on standard output once it listens. */
const LISTENS = 'Palabre is at ';
/** How much of what it logs is kept to explain a failure, in lines. */
const LOG_LINES_MAX = 200;

/** Settings that let a test ask as fast as it likes. */
const UNHURRIED = {
  PALABRE_COMMANDS_PER_S: '100000',
  PALABRE_REQUESTS_PER_S: '100000',
  PALABRE_SIGN_INS_PER_MIN: '100000',
};

/** What it is started for: to be filled by a test, or with a demo in it. */
export type Command = 'serve' | 'demo';

/** A server. */
export class Server {
  /** Where the page is, without a slash at the end. */
  readonly url: string;
  /** Its last words, for when a test fails. */
  readonly log: string[] = [];

  #port: number;
  #folder: string;
  #command: Command;
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string, command: Command) {
    this.#port = port;
    this.#folder = folder;
    this.#command = command;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts one over an empty folder. */
  static async start(command: Command = 'serve'): Promise<Server> {
    const server = new Server(await freePort(), await mkdtemp(join(tmpdir(), 'palabre-e2e-')), command);
    await server.start();
    return server;
  }

  /** Whether it can be reached. */
  get up(): boolean {
    return this.#process !== undefined;
  }

  /** Starts it again, where it was. */
  async start(): Promise<void> {
    const args = [this.#command, '--listen', `127.0.0.1:${this.#port}`, '--data', this.#folder];
    const started = spawn(PROGRAM, args, { env: { ...process.env, ...UNHURRIED }, stdio: ['ignore', 'pipe', 'pipe'] });
    const failed = once(started, 'exit').then(([code]) => {
      throw new Error(`the server stopped with ${code} before it listened:\n${this.log.join('\n')}`);
    });
    createInterface({ input: started.stderr }).on('line', (line) => this.#note(line));
    const listens = new Promise<void>((heard) => {
      createInterface({ input: started.stdout }).on('line', (line) => {
        this.#note(line);
        if (line.startsWith(LISTENS)) heard();
      });
    });
    let patience: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, give) => {
      patience = setTimeout(() => {
        started.kill('SIGKILL');
        give(new Error(`the server did not listen within ${START_MS_MAX} ms:\n${this.log.join('\n')}`));
      }, START_MS_MAX);
    });
    failed.catch(() => undefined);
    await Promise.race([listens, failed, late]).finally(() => clearTimeout(patience));
    this.#process = started;
  }

  /** Takes its power away: nothing is finished, nothing is said to anybody. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Stops it in order, and removes what it kept. */
  async remove(): Promise<void> {
    await this.#end('SIGTERM');
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    if (!running) return;
    this.#process = undefined;
    running.kill(signal);
    if (running.exitCode === null && running.signalCode === null) await once(running, 'exit');
  }

  #note(line: string): void {
    this.log.push(line);
    this.log.splice(0, this.log.length - LOG_LINES_MAX);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
