import { mount } from 'svelte';
import '../shared/styles/tokens.css';
import '../shared/styles/base.css';
import './admin.css';
import Admin from './Admin.svelte';

const target = document.getElementById('app');
if (target) mount(Admin, { target });
