import type { PanelLink } from './panels.js';

/** From a panel to the dashboard that says more about what it shows. */
export const toRoutes: PanelLink = { title: 'Routes', uid: 'orchestrator-routes' };
export const toRuntime: PanelLink = { title: 'Runtime', uid: 'orchestrator-runtime' };
export const toHost: PanelLink = { title: 'Host', uid: 'orchestrator-host' };
export const toClients: PanelLink = { title: 'Databases and clients', uid: 'orchestrator-clients' };
export const toItself: PanelLink = { title: 'Orchestrator itself', uid: 'orchestrator-self' };
export const toProject: PanelLink = { title: 'Project overview', uid: 'orchestrator-overview' };
