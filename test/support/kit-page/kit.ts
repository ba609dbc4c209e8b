import '../../../renderer/jitless'
import './kit.css'
import { createApp } from 'vue'
import { i18n } from '../../../renderer/i18n'
import { startTheme } from '../../../renderer/theme'
import KitPage from './kit-page.vue'

/** Every part of the kit on one page, for looking at it and for its tests in a real browser; not part of the product. */
startTheme()
createApp(KitPage).use(i18n).mount('#app')
