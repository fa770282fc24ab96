import { mount } from 'svelte';
import '../shared/styles/tokens.css';
import '../shared/styles/base.css';
import Reference from './Reference.svelte';

const target = document.getElementById('app');
if (target) mount(Reference, { target });
