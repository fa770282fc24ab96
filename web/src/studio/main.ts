import { mount } from 'svelte';
import '../shared/styles/tokens.css';
import '../shared/styles/base.css';
import Studio from './Studio.svelte';

const target = document.getElementById('app');
if (target) mount(Studio, { target });
