// The French words, by area. This catalogue is the pattern: the compiler holds every other language to its keys.
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

export const fr = { account, history, map, places, problems, requests, ride, search, shell, sources, talk, trips };
