// Days to come, so that no test is about the past.

/** The day in so many days from now, as fields of dates write it. */
export function dayIn(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

/** A moment on that day, in winter or summer time of Paris, whichever it is then. */
export function momentIn(days: number, time: string): string {
  const date = dayIn(days);
  const offset = new Intl.DateTimeFormat('en', { timeZone: 'Europe/Paris', timeZoneName: 'longOffset' })
    .formatToParts(new Date(`${date}T12:00Z`))
    .find(({ type }) => type === 'timeZoneName')?.value;
  return `${date}T${time}:00${offset?.replace('GMT', '') || 'Z'}`;
}
