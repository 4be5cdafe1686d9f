// Somebody at the page: what people do there, by the names that they see, in French.
import { expect } from '@playwright/test';
import type { BrowserContext, Locator, Page } from '@playwright/test';

import { fr } from '../../src/words/fr';
import { Api, PASSWORD, emailOf } from './api';
import type { Server } from './server';
import { Watch } from './watch';

/** What a driver offers, as it is typed. */
export interface Offer {
  /** Origin, via points, destination. */
  stops: readonly string[];
  date: string;
  time: string;
  seats: number;
  /** In euros, as people write it. */
  price: string;
  vehicle?: string;
}

/** Terms, as they are typed into the form of a proposal; what is absent stays as the form begins. */
export interface Typed {
  seats?: number;
  price?: string;
  /** A place of one's own choice. */
  pickup?: string;
  time?: string;
}

/** Somebody with a browser. */
export class Person {
  readonly watch: Watch;
  /** The same person, by the API. */
  readonly api: Api;

  constructor(
    readonly name: string,
    readonly context: BrowserContext,
    readonly page: Page,
    readonly server: Server,
    watch?: Watch,
  ) {
    this.watch = watch ?? new Watch(context, server);
    this.api = new Api(context.request, server.url);
  }

  /** The same browser, with the page open once more. */
  async openAnother(): Promise<Person> {
    return new Person(this.name, this.context, await this.context.newPage(), this.server, this.watch);
  }

  /** Opens an address of the page, and waits until its view is there. */
  async goto(path: string): Promise<void> {
    await this.page.goto(this.server.url + path);
    await this.settled();
  }

  /** Waits until the view is there and nothing in it is being read any more. */
  async settled(): Promise<void> {
    await expect(this.page.locator('main')).toHaveAttribute('aria-busy', 'false');
    await expect(this.page.locator('main [aria-busy="true"]')).toHaveCount(0);
  }

  /** The button of that name. */
  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** The field of that label. */
  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }

  /** Signs up by the form. */
  async signUp(): Promise<void> {
    await this.goto('/sign-up');
    await this.field(fr.account.name).fill(this.name);
    await this.field(fr.account.email).fill(emailOf(this.name));
    await this.field(fr.account.password).fill(PASSWORD);
    await this.button(fr.account.signUp.submit).click();
    await expect(this.page).toHaveURL(/\/conversations$/);
  }

  /** Types a place into a field and takes the suggestion that has this name. */
  async choosePlace(field: Locator, name: string): Promise<void> {
    await field.pressSequentially(name);
    await this.page.getByRole('option', { name }).first().click();
    await expect(field).toHaveValue(name);
  }

  /** Publishes a ride by the form; the answer is its address. */
  async publish({ stops, date, time, seats, price, vehicle }: Offer): Promise<string> {
    const words = fr.ride.form;
    await this.goto('/publish');
    await this.choosePlace(this.page.getByRole('combobox', { name: fr.places.from }), stops[0] ?? '');
    await this.choosePlace(this.page.getByRole('combobox', { name: fr.places.to }), stops.at(-1) ?? '');
    for (const [at, via] of stops.slice(1, -1).entries()) {
      await this.button(words.addVia).click();
      await this.choosePlace(this.page.getByRole('combobox', { name: words.via(at + 1) }), via);
    }
    await this.field(words.date).fill(date);
    await this.field(words.time).fill(time);
    await this.field(words.seats).fill(String(seats));
    await this.field(words.price).fill(price);
    if (vehicle !== undefined) await this.page.getByLabel(words.vehicle).fill(vehicle);
    await this.button(words.submit).click();
    await expect(this.page).toHaveURL(/\/rides\/[0-9a-f-]{36}$/);
    await this.settled();
    return new URL(this.page.url()).pathname;
  }

  /** Searches by the form. */
  async search(from: string, to: string, date: string, time: string, seats: number): Promise<void> {
    await this.goto('/');
    await this.choosePlace(this.page.getByRole('combobox', { name: fr.places.from }), from);
    await this.choosePlace(this.page.getByRole('combobox', { name: fr.places.to }), to);
    await this.field(fr.search.date).fill(date);
    await this.field(fr.search.time).fill(time);
    await this.field(fr.search.seats).fill(String(seats));
    await this.button(fr.search.submit).click();
    await expect(this.page).toHaveURL(/\/search\?/);
    await this.settled();
  }

  /** What was said and agreed in the conversation that is open. */
  get log(): Locator {
    return this.page.getByRole('log', { name: fr.talk.log });
  }

  /** The messages of a text, sent or on their way. */
  messages(text: string): Locator {
    return this.log.getByText(text, { exact: true });
  }

  /** All that was said and sent, in the order in which it is shown. */
  said(): Promise<string[]> {
    return this.log.locator('article.message .bubble p.kept').allTextContents();
  }

  /** Says something in the conversation that is open. */
  async say(text: string): Promise<void> {
    await this.field(fr.talk.write).fill(text);
    await this.button(fr.talk.send).click();
    await expect(this.field(fr.talk.write)).toHaveValue('');
  }

  /** Sees a message, once, and as one that the server has. */
  async sees(text: string): Promise<void> {
    await expect(this.messages(text)).toHaveCount(1);
    await expect(this.log.locator('article.pending').getByText(text, { exact: true })).toHaveCount(0);
  }

  /** The cards of proposals with this heading, in the conversation that is open. */
  proposal(title: string): Locator {
    return this.log.getByRole('article', { name: title });
  }

  /** Opens the form of a proposal by the composer's button and sends what is typed. */
  async propose(typed: Typed): Promise<void> {
    await this.page.locator('form.composer').getByRole('button', { name: fr.talk.propose }).click();
    await this.fillProposal(typed);
  }

  /** Fills in the form of a proposal, which is open, and sends it. */
  async fillProposal({ seats, price, pickup, time }: Typed): Promise<void> {
    const form = this.page.getByRole('dialog');
    if (seats !== undefined) await form.getByLabel(fr.talk.terms.seats, { exact: true }).fill(String(seats));
    if (price !== undefined) await form.getByLabel(fr.talk.terms.price).fill(price);
    if (pickup !== undefined) {
      await form.getByLabel(fr.talk.terms.pickup, { exact: true }).selectOption({ label: fr.talk.form.otherPlace });
      const place = form.getByRole('combobox', { name: fr.talk.form.otherPickup });
      await place.clear();
      await this.choosePlace(place, pickup);
    }
    if (time !== undefined) await form.getByLabel(fr.talk.form.time).fill(time);
    await form.getByRole('button', { name: fr.talk.form.submit }).click();
    await expect(form).toHaveCount(0);
  }

  /** The network of this browser goes or comes back. */
  async offline(offline: boolean): Promise<void> {
    this.watch.offline(offline);
    await this.context.setOffline(offline);
  }
}
