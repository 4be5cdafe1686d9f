// The English words.
import type { Words } from '../language.svelte';
import { account } from './account';
import { problems } from './problems';
import { shell } from './shell';
import { talk } from './talk';
import { trips } from './trips';
import { history } from './history';
import { map, places, sources } from './places';
import { requests } from './requests';
import { ride } from './ride';
import { search } from './search';

export const en: Words = {
  account,
  history,
  map,
  places,
  problems,
  requests,
  ride,
  search,
  shell,
  sources,
  talk,
  trips,
};
