// How the page asks the HTTP API: with keys that make writes safe to repeat, reads that see what was just written, and
// failures that say what happened.
import { v7 as newKey } from 'uuid';

import type { FieldError } from '../wire/http';

const BASE = '/api/v1';
/** How long an answer is waited for, in milliseconds; the server gives up after 15 s itself. */
const PATIENCE_MS = 20_000;
/** How often a request that failed for the moment is made in all. */
const TRIES = 3;
/** How long to wait before the next try when the server does not say, in milliseconds. */
const PAUSE_MS = 600;
/** A pause that is longer than this is for people to decide on. */
const PAUSE_MS_MAX = 4_000;

/** Why a request has no better answer. `code` is stable; `offline` and `timeout` are this browser's own. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly fields: readonly FieldError[] = [],
    readonly retryAfterMs: number | undefined = undefined,
    detail = code,
  ) {
    super(detail);
    this.name = 'Problem';
  }

  /** Whether the same request may succeed later. */
  get temporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** The parameters of a request; those that are undefined are left out. */
export type Query = Record<string, string | number | boolean | undefined>;

/** The highest position that this page has written or been told of: what is read has seen it. */
let seen = 0;
const endings = new Set<() => void>();

/** Remembers that the log has gone at least this far. */
export function sawPosition(position: number | undefined): void {
  if (position !== undefined && position > seen) seen = position;
}

/** Forgets positions: the log is another one. */
export function forgetPositions(): void {
  seen = 0;
}

/** Calls back when an answer says that the session is over. */
export function onSignedOut(ended: () => void): void {
  endings.add(ended);
}

/** Reads. Tries again for a moment when the server cannot answer at present. */
export function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  const asked = seen > 0 ? { ...query, min_position: seen } : query;
  return persist(() => once<T>('GET', address(path, asked), undefined, {}, signal));
}

/** Writes under a key, and so tries again for a moment without doing anything twice. */
export async function write<T>(
  method: 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  key: string = newKey(),
): Promise<T> {
  const answer = await persist(() => once<T>(method, address(path), body, { 'Idempotency-Key': key }));
  noticePosition(answer);
  return answer;
}

/** Writes what has no key (sessions, passwords), once. */
export async function writeOnce<T>(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const answer = await once<T>(method, address(path), body, {});
  noticePosition(answer);
  return answer;
}

async function persist<T>(ask: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await ask();
    } catch (failure) {
      const pause = pauseAfter(failure, tried);
      if (pause === undefined) throw failure;
      await new Promise((go) => setTimeout(go, pause));
    }
  }
}

function pauseAfter(failure: unknown, tried: number): number | undefined {
  if (!(failure instanceof Problem) || !failure.temporary || tried >= TRIES) return undefined;
  if (failure.code === 'offline') return navigator.onLine ? PAUSE_MS * tried : undefined;
  const pause = failure.retryAfterMs ?? PAUSE_MS * tried;
  return pause <= PAUSE_MS_MAX ? pause : undefined;
}

async function once<T>(
  method: string,
  url: string,
  body: unknown,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<T> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    const response = await fetch(url, {
      method,
      headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
    if (!response.ok) throw await problemOf(response);
    return (response.status === 204 || response.status === 202 ? undefined : await response.json()) as T;
  } catch (failure) {
    // A body that is cut short is as good as no answer.
    if (failure instanceof Problem || signal?.aborted) throw failure;
    throw new Problem(patience.aborted ? 'timeout' : 'offline', 0);
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const told: Record<string, unknown> = await response.json().catch(() => ({}));
  const code = typeof told.code === 'string' ? told.code : 'internal';
  if (code === 'not_signed_in') for (const ended of endings) ended();
  return new Problem(
    code,
    response.status,
    Array.isArray(told.fields) ? (told.fields as FieldError[]) : [],
    typeof told.retry_after_ms === 'number' ? told.retry_after_ms : undefined,
    typeof told.detail === 'string' ? told.detail : undefined,
  );
}

function noticePosition(answer: unknown): void {
  if (typeof answer === 'object' && answer !== null && 'position' in answer) sawPosition(Number(answer.position));
}

function address(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  const asked = parameters.toString();
  return `${BASE}${path}${asked && '?'}${asked}`;
}

export { newKey };
