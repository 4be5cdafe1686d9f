// What whoever operates the platform has set, read once.
import type { SettingsShown } from '../wire/http';
import { get } from './http';

let reading: Promise<SettingsShown> | undefined;

/** What is set. A reading that failed is made again by whoever asks next. */
export function settings(): Promise<SettingsShown> {
  reading ??= get<SettingsShown>('/settings').catch((failure: unknown) => {
    reading = undefined;
    throw failure;
  });
  return reading;
}
