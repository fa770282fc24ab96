import { mount } from 'svelte';
import '../shared/styles/tokens.css';
import '../shared/styles/base.css';
import Capture from './Capture.svelte';

const target = document.getElementById('app');
if (target) mount(Capture, { target });
