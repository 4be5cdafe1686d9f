// Somebody who speaks to the API directly: for what a test needs to be there and is not about.
import type { APIRequestContext } from '@playwright/test';
import { expect } from '@playwright/test';
import { v7 as newKey } from 'uuid';

import type {
  ConversationMade,
  MakeProposal,
  Made,
  OfferRide,
  OpenAccount,
  PostRequest,
  ProposalAnswer,
  RequestMade,
  RideMade,
  RideState,
  Written,
} from '../../src/wire/http';

/** All who are signed up have this password. */
export const PASSWORD = 'une phrase facile à retenir';

/** Asks the API with the cookies of a browser context, or of a client of its own. */
export class Api {
  #http: APIRequestContext;
  #origin: string;
  #position = 0;

  constructor(http: APIRequestContext, origin: string) {
    this.#http = http;
    this.#origin = origin;
  }

  /** Signs somebody new up, and in. */
  async signUp(name: string, language: 'fr' | 'en' = 'fr'): Promise<void> {
    const account: OpenAccount = { name, email: emailOf(name), password: PASSWORD, language };
    await this.post('/accounts', account);
  }

  offer(ride: OfferRide): Promise<RideMade> {
    return this.post('/rides', ride);
  }

  ride(ride: string): Promise<RideState> {
    return this.get(`/rides/${ride}`);
  }

  request(wish: PostRequest): Promise<RequestMade> {
    return this.post('/requests', wish);
  }

  /** Opens the conversation about a ride; the answer is its id. */
  async open(ride: string, request?: string): Promise<string> {
    return (await this.post<ConversationMade>('/conversations', { ride, request })).conversation;
  }

  say(conversation: string, text: string): Promise<Written> {
    return this.post(`/conversations/${conversation}/messages`, { text });
  }

  propose(conversation: string, terms: MakeProposal): Promise<ProposalAnswer> {
    return this.post(`/conversations/${conversation}/proposals`, terms);
  }

  accept(conversation: string, { proposal, terms_hash }: ProposalAnswer): Promise<Written> {
    return this.post(`/conversations/${conversation}/proposals/${proposal}/accept`, { terms_hash });
  }

  withdraw(conversation: string, proposal: string): Promise<Written> {
    return this.post(`/conversations/${conversation}/proposals/${proposal}/withdraw`, {});
  }

  decline(conversation: string, proposal: string, reason: string): Promise<Written> {
    return this.post(`/conversations/${conversation}/proposals/${proposal}/decline`, { reason });
  }

  /** Reads what has seen everything that was written here. */
  async get<T>(path: string): Promise<T> {
    const parameters = this.#position > 0 ? { min_position: this.#position } : undefined;
    const answer = await this.#http.get(`${this.#origin}/api/v1${path}`, { params: parameters });
    expect(answer.ok(), `GET ${path}: ${answer.status()} ${await answer.text()}`).toBe(true);
    return (await answer.json()) as T;
  }

  /** Writes, under a new key. */
  async post<T>(path: string, body: unknown): Promise<T> {
    const headers = { Origin: this.#origin, 'Idempotency-Key': newKey() };
    const answer = await this.#http.post(`${this.#origin}/api/v1${path}`, { data: body, headers });
    expect(answer.ok(), `POST ${path}: ${answer.status()} ${await answer.text()}`).toBe(true);
    const made = (await answer.json()) as T & Partial<Made>;
    if ('position' in made) this.#position = Math.max(this.#position, Number(made.position));
    return made;
  }
}

/** The address of somebody of that name. */
export function emailOf(name: string): string {
  const plain = name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  return `${plain.replace(/[^a-z]+/g, '.')}@palabre.test`;
}
