// The French words, by area. This catalogue is the pattern: the compiler holds every other language to its keys.
import { account } from './account';
import { problems } from './problems';
import { shell } from './shell';

export const fr = { account, problems, shell };
