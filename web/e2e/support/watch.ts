// Looks over every page of a test for what must never happen: an error on the console or in a script, something that the
// page's policy forbids, a request to another host. What a dead server or a missing network makes the browser say is no
// fault of the page, while it lasts; nor are the refusals that a test has announced.
import { expect } from '@playwright/test';
import type { BrowserContext, ConsoleMessage } from '@playwright/test';

import type { Server } from './server';

/** What Chromium says of requests that got no answer. */
const NO_ANSWER = /net::ERR_(CONNECTION_|EMPTY_RESPONSE|INTERNET_DISCONNECTED|NETWORK_CHANGED|INCOMPLETE_)/;

/** Watches the pages of a browser context. */
export class Watch {
  #faults: string[] = [];
  #server: Server;
  #offline = false;
  #cut = false;
  #expected: RegExp[] = [];

  constructor(context: BrowserContext, server: Server) {
    this.#server = server;
    context.on('console', (message) => this.#heard(message));
    context.on('weberror', (error) =>
      this.#faults.push(`in a script: ${error.error().stack ?? error.error().message}`),
    );
    context.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol === 'data:' || protocol === 'blob:' || origin === server.url) return;
      this.#faults.push(`a request to another host: ${request.url()}`);
    });
  }

  /** The network goes or comes back. */
  offline(offline: boolean): void {
    this.#offline = offline;
    this.#cut ||= offline;
  }

  /** The server is about to be killed. */
  cut(): void {
    this.#cut = true;
  }

  /** What was cut has come back, and the page has seen so: from here on every request gets an answer. */
  mended(): void {
    this.#cut = false;
  }

  /** A test provokes a refusal: the browser may report a request with this status. */
  expects(status: number): void {
    this.#expected.push(new RegExp(`status of ${status}\\b`));
  }

  /** Fails where there was a fault. */
  check(): void {
    expect(this.#faults, 'console errors, script errors, forbidden things, other hosts').toEqual([]);
  }

  #heard(message: ConsoleMessage): void {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const text = message.text();
    if (NO_ANSWER.test(text) && (this.#cut || this.#offline || !this.#server.up)) return;
    if (this.#expected.some((expected) => expected.test(text))) return;
    this.#faults.push(`on the console: ${text} (${message.location().url})`);
  }
}
