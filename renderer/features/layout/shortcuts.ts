import { onBeforeUnmount, onMounted, shallowRef } from 'vue'

const storageKey = 'holdfast.single-keys'
/** Single keys can be switched off: who speaks to the machine would press them by accident. */
export const singleKeys = shallowRef(localStorage.getItem(storageKey) !== 'off')
export function setSingleKeys(isOn: boolean) {
  singleKeys.value = isOn
  localStorage.setItem(storageKey, isOn ? 'on' : 'off')
}

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName) || target.shadowRoot !== null)

/** The keys that work everywhere. Those of a single character only where nobody types, and never above a dialog. */
export function useShortcuts(actions: { search(): void; help(): void; go(digit: number): void }) {
  function press(event: KeyboardEvent) {
    if (event.defaultPrevented || event.repeat) return
    const isModified = event.ctrlKey || event.metaKey
    if (isModified && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k') {
      event.preventDefault()
      return actions.search()
    }
    if (document.querySelector('[role=dialog]')) return
    if (event.altKey && !isModified && /^Digit[1-9]$/.test(event.code)) {
      event.preventDefault()
      return actions.go(Number(event.code.slice(5)))
    }
    if (!singleKeys.value || isModified || event.altKey || isTyping(event.target)) return
    if (event.key === '?') actions.help()
    else if (event.key === '/') actions.search()
    else return
    event.preventDefault()
  }
  onMounted(() => window.addEventListener('keydown', press))
  onBeforeUnmount(() => window.removeEventListener('keydown', press))
}
