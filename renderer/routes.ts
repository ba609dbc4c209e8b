import { createRouter, createWebHashHistory, type Router } from 'vue-router'
import OverviewPage from './features/overview/overview-page.vue'

const lazyPages = {
  site: () => import('./features/site/site-page.vue'),
  data: () => import('./features/data/data-page.vue'),
  notFound: () => import('./features/layout/not-found.vue'),
}

/** Settles when every page is here. A page that cannot be fetched now is tried again when it is opened. */
export async function fetchPages(): Promise<void> {
  await Promise.allSettled(Object.values(lazyPages).map((fetchPage) => fetchPage()))
}

/** The same addresses in the window and in a browser; behind the hash, so that any server of files will do. */
export function makeRouter(): Router {
  return createRouter({
    history: createWebHashHistory(),
    routes: [
      { path: '/', name: 'overview', component: OverviewPage },
      { path: '/site/:edgeId?', name: 'site', component: lazyPages.site, props: true },
      { path: '/data/:edgeId?', name: 'data', component: lazyPages.data, props: true },
      { path: '/:rest(.*)*', name: 'not-found', component: lazyPages.notFound },
    ],
    scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  })
}
