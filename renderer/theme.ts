import { shallowRef, watchEffect } from 'vue'

export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const storageKey = 'holdfast.theme'
const dark = matchMedia('(prefers-color-scheme: dark)')
const systemIsDark = shallowRef(dark.matches)
const stored = localStorage.getItem(storageKey)

export const theme = shallowRef<Theme>(themes.find((known) => known === stored) ?? 'system')

export function setTheme(next: Theme) {
  theme.value = next
  localStorage.setItem(storageKey, next)
}

export function startTheme() {
  dark.addEventListener('change', (event) => (systemIsDark.value = event.matches))
  watchEffect(() => {
    const isDark = theme.value === 'dark' || (theme.value === 'system' && systemIsDark.value)
    document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light'
  })
}
