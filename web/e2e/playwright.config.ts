// How the browser tests run: the real server, Debian's Chromium, one test at a time, since each has a server and several
// browsers' worth of pages to itself. `--project` chooses: `tests`, or one of the scripts `screens`
// and `figures`.
import { defineConfig } from '@playwright/test';

const BROWSER = process.env.PALABRE_BROWSER ?? '/usr/bin/chromium';

export default defineConfig({
  outputDir: '../test-results',
  workers: 1,
  timeout: 90_000,
  expect: { timeout: 10_000 },
  forbidOnly: true,
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    locale: 'fr-FR',
    timezoneId: 'Europe/Paris',
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    actionTimeout: 10_000,
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: BROWSER,
      // The order in which fields of dates are typed follows the language of the browser itself, not of the page.
      env: { ...process.env, LANGUAGE: 'en_US' },
      // What Chromium does of its own accord has no business in a test; the sandbox does not start for root.
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [
    { name: 'tests', testMatch: '*.spec.ts' },
    { name: 'screens', testMatch: 'screens.ts', timeout: 900_000 },
    { name: 'figures', testMatch: 'figures.ts', timeout: 900_000 },
  ],
});
