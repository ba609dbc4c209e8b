import { createRouter, createWebHashHistory, type Router, type RouteRecordRaw } from 'vue-router'
import OverviewPage from './features/overview/overview-page.vue'

/** Every page but the first is fetched when it is opened. A page exists when its file does: `features/NAME/NAME-page.vue`. */
const files = import.meta.glob(['./features/*/*-page.vue', '!./features/overview/*'])
const paths: Readonly<Record<string, string>> = {
  site: '/site/:edgeId?',
  fleet: '/fleet/:id?',
  nodes: '/nodes/:id?',
  data: '/data/:edgeId?',
  cluster: '/cluster',
  content: '/content/:id?',
  activity: '/activity',
  settings: '/settings/:section?',
  'first-run': '/welcome',
}
const lazyPages = new Map(
  Object.keys(paths).flatMap((name) => {
    const fetchPage = files[`./features/${name}/${name}-page.vue`]
    return fetchPage ? [[name, fetchPage] as const] : []
  }),
)
export const hasPage = (name: string): boolean => name === 'overview' || lazyPages.has(name)
const notFound = () => import('./features/layout/not-found.vue')

/** Settles when every page is here. A page that cannot be fetched now is tried again when it is opened. */
export async function fetchPages(): Promise<void> {
  await Promise.allSettled([...lazyPages.values(), notFound].map((fetchPage) => fetchPage()))
}

/** The same addresses in the window and in a browser; behind the hash, so that any server of files will do. */
export function makeRouter(): Router {
  const lazyRoutes = [...lazyPages].map(([name, component]): RouteRecordRaw => ({
    path: paths[name]!,
    name,
    component: component as never,
    props: true,
  }))
  return createRouter({
    history: createWebHashHistory(),
    routes: [
      { path: '/', name: 'overview', component: OverviewPage },
      ...lazyRoutes,
      { path: '/:rest(.*)*', name: 'not-found', component: notFound },
    ],
    // A place within a page is scrolled to by the page itself.
    scrollBehavior: (to, _from, saved) => saved ?? (to.query['module'] === undefined ? { top: 0 } : false),
  })
}
