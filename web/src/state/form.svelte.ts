// A form on its way to the server: it cannot be sent twice, and what is wrong is said beside the field it is about.
import { tick } from 'svelte';

import { Problem, newKey } from '../net/http';
import { sayField, sayProblem } from '../words/problems';

/** A form. A field shows `error(name)`, the form shows `problem`. */
export class Form {
  /** Whether it is being sent. */
  busy = $state(false);
  /** What is wrong with the whole of it, in words. */
  problem = $state<string>();

  #errors = $state.raw<Record<string, string>>({});
  #key = newKey();
  #send: (key: string) => Promise<void>;

  /** `send` is given the key of the write: the same after a failure that may pass, another one after any other. */
  constructor(send: (key: string) => Promise<void>) {
    this.#send = send;
  }

  /** Sends it. To be used as `onsubmit`. */
  submit = async (event?: SubmitEvent): Promise<void> => {
    event?.preventDefault();
    if (this.busy) return;
    this.busy = true;
    this.#errors = {};
    this.problem = undefined;
    try {
      await this.#send(this.#key);
      this.#key = newKey();
    } catch (failure) {
      if (!(failure instanceof Problem)) throw failure;
      this.#fail(failure);
      await tick();
      (event?.target as HTMLElement | undefined)?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
    } finally {
      this.busy = false;
    }
  };

  /** What is wrong with a field or, for `pickup`, with a part of it such as `pickup.lat`; in words. */
  error(field: string): string | undefined {
    const names = Object.keys(this.#errors);
    const wrong = names.find((name) => name === field || name.startsWith(`${field}.`) || name.startsWith(`${field}[`));
    return wrong === undefined ? undefined : this.#errors[wrong];
  }

  /** Says what is wrong before anything is sent. To be thrown within `send`. */
  static wrong(field: string, code: string): Problem {
    return new Problem('invalid', 422, [{ field, code, message: code }]);
  }

  #fail(failure: Problem): void {
    if (!failure.temporary) this.#key = newKey();
    this.#errors = Object.fromEntries(failure.fields.map((wrong) => [wrong.field, sayField(wrong)]));
    if (failure.fields.length === 0) this.problem = sayProblem(failure);
  }
}
