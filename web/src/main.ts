// Starts the page: its language first, then who is signed in, then the first view.
import { mount } from 'svelte';

import './app.css';
import App from './App.svelte';
import { router } from './router.svelte';
import { chat } from './state/chat.svelte';
import { session } from './state/session.svelte';
import { language } from './words/language.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has the element that the page goes into');

await language.start();
chat.start();
await session.start();
router.start();
mount(App, { target });
