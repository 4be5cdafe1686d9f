// Which language the page speaks, and its words. Only the words of the chosen language are loaded.
import type { fr } from './fr';

/** The languages that the page speaks. */
export const LANGUAGES = ['fr', 'en'] as const;
/** One of them. */
export type Language = (typeof LANGUAGES)[number];

/** The shape that every catalogue has: that of the French one, with other words. */
export type Words = Widened<typeof fr>;

type Widened<T> = T extends string
  ? string
  : T extends (...said: infer Said) => string
    ? (...said: Said) => string
    : { readonly [Key in keyof T]: Widened<T[Key]> };

/** The region of a language where the browser names none: Europe's. */
const REGIONAL: Record<Language, string> = { fr: 'fr-FR', en: 'en-GB' };
const KEPT_AS = 'palabre.language';

const load: Record<Language, () => Promise<Words>> = {
  fr: async () => (await import('./fr')).fr,
  en: async () => (await import('./en')).en,
};

class Speaker {
  /** The language that is spoken. */
  current = $state<Language>('fr');
  #words = $state.raw<Words>();

  /** The words of the language that is spoken. */
  get words(): Words {
    if (!this.#words) throw new Error('the words are loaded before anything is shown');
    return this.#words;
  }

  /** The language with a region, which decides how numbers, hours and dates are written: this browser's, if it has one. */
  get locale(): string {
    const regional = navigator.languages.find((tag) => tag.toLowerCase().startsWith(`${this.current}-`));
    return regional ?? REGIONAL[this.current];
  }

  /** Loads the language that this browser chose before, or else the first of its own that the page speaks. */
  async start(): Promise<void> {
    await this.speak(kept() ?? preferred(navigator.languages));
  }

  /** Speaks another language from here on, and remembers it in this browser. */
  async choose(chosen: Language): Promise<void> {
    await this.speak(chosen);
    localStorage.setItem(KEPT_AS, chosen);
  }

  /** Whether somebody chose a language in this browser. */
  get chosen(): boolean {
    return kept() !== undefined;
  }

  async speak(chosen: Language): Promise<void> {
    this.#words = await load[chosen]();
    this.current = chosen;
    document.documentElement.lang = chosen;
  }
}

function kept(): Language | undefined {
  return LANGUAGES.find((language) => language === localStorage.getItem(KEPT_AS));
}

/** The first of `wished` (BCP 47 tags) that the page speaks, else French. */
export function preferred(wished: readonly string[]): Language {
  for (const tag of wished) {
    const found = LANGUAGES.find((language) => tag.toLowerCase().split('-')[0] === language);
    if (found) return found;
  }
  return 'fr';
}

/** Who speaks. */
export const language = new Speaker();

/** The words of the language that is spoken, by area: `w.inbox.title`. Read it while rendering, so that a change shows. */
export const w: Words = new Proxy({} as Words, {
  get: (_, area) => language.words[area as keyof Words],
});
