// The English words.
import type { Words } from '../language.svelte';
import { account } from './account';
import { problems } from './problems';
import { shell } from './shell';

export const en: Words = { account, problems, shell };
