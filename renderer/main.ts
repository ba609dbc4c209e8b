import './jitless'
import './styles/main.css'
import { until } from '@vueuse/core'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { bridgeKey, desktopKey, reachController, reachDesktop, takeKey } from './bridge'
import { i18n, startLanguage } from './i18n'
import { fetchPages, makeRouter } from './routes'
import { useController } from './stores/controller'
import { startTheme } from './theme'

// The key leaves the address before the router reads it.
const brought = takeKey()
startTheme()
const bridge = reachController(brought)
const desktop = reachDesktop()
const app = createApp(App)
app.provide(bridgeKey, bridge)
if (desktop) app.provide(desktopKey, desktop)
app.use(createPinia())
app.use(i18n)
const router = makeRouter()
app.use(router)
// A language that cannot be fetched is no reason to show nothing: English is here already.
void startLanguage()
  .catch(() => {})
  .then(() => {
    app.mount('#app')
    desktop?.onPlace(({ path, act }) => void router.push({ path, query: act ? { act } : {} }))
    // Fetched while the controller is there: without it no page could be opened that was not opened before. But not before there is something to see.
    const controller = useController()
    void until(() => controller.status !== null || controller.state.name === 'signed-out')
      .toBe(true)
      .then(() => router.isReady())
      .then(() => requestIdleCallback(() => void fetchPages()))
  })
