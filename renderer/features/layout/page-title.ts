import { computed, watchEffect } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRoute } from 'vue-router'
import { useController } from '../../stores/controller'

/** The title of the document, which names page and controller; also read aloud when the page changes. */
export function usePageTitle() {
  const { t, te } = useI18n()
  const route = useRoute()
  const controller = useController()
  const page = computed(() => {
    const name = typeof route.name === 'string' ? `page.${route.name}` : ''
    return te(name, 'en') ? t(name) : ''
  })
  watchEffect(() => {
    document.title = [page.value, controller.status?.name, 'Holdfast'].filter((part) => part).join(' · ')
  })
  return page
}
