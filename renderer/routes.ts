import { createRouter, createWebHashHistory, type Router } from 'vue-router'
import OverviewPage from './features/overview/overview-page.vue'

/** The same addresses in the window and in a browser; behind the hash, so that any server of files will do. */
export function makeRouter(): Router {
  return createRouter({
    history: createWebHashHistory(),
    routes: [
      { path: '/', name: 'overview', component: OverviewPage },
      { path: '/site/:edgeId?', name: 'site', component: () => import('./features/site/site-page.vue'), props: true },
      { path: '/:rest(.*)*', name: 'not-found', component: () => import('./features/layout/not-found.vue') },
    ],
    scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  })
}
