import { json, jsonParseLinter } from '@codemirror/lang-json'
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { linter } from '@codemirror/lint'
import { EditorState } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { minimalSetup } from 'codemirror'

/** The editor itself, apart from Vue: it is large and fetched only where JSON is edited. */
export interface CodeView {
  setText(text: string): void
  setInvalid(isInvalid: boolean): void
  close(): void
}
export interface CodeViewOptions {
  readonly text: string
  /** What a screen reader calls it. */
  readonly label: string
  readonly readonly: boolean
  changed(text: string): void
}

const look = EditorView.theme({
  '&': { color: 'var(--ink)', backgroundColor: 'transparent', fontSize: '0.75rem' },
  '&.cm-focused': { outline: 'none' },
  '.cm-content': {
    padding: '0.5rem 0',
    caretColor: 'var(--ink)',
    fontFamily: 'ui-monospace, Menlo, Consolas, monospace',
  },
  '.cm-line': { padding: '0 0.75rem', lineHeight: '1.25rem' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    background: 'color-mix(in oklab, var(--accent) 28%, transparent) !important',
  },
  '.cm-tooltip': {
    color: 'var(--ink)',
    backgroundColor: 'var(--raised)',
    border: '1px solid var(--line)',
    borderRadius: '0.5rem',
    overflow: 'hidden',
  },
})
const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--chart-1)' },
  { tag: tags.string, color: 'var(--edge)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--master)' },
  { tag: tags.invalid, color: 'var(--critical)' },
])

/**
 * Lives in a shadow root: there the editor's styles are constructed sheets, which the page's policy allows; in the document they would be a style element,
 * which it forbids.
 */
export function openCodeView(place: HTMLElement, options: CodeViewOptions): CodeView {
  const root = place.shadowRoot ?? place.attachShadow({ mode: 'open', delegatesFocus: true })
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        minimalSetup,
        json(),
        linter(jsonParseLinter()),
        syntaxHighlighting(colours),
        look,
        EditorView.lineWrapping,
        EditorState.readOnly.of(options.readonly),
        EditorView.contentAttributes.of({
          'aria-label': options.label,
          ...(options.readonly ? { 'aria-readonly': 'true', tabindex: '0' } : {}),
        }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.changed(update.state.doc.toString())
        }),
      ],
    }),
  })
  return {
    setText(text) {
      if (text !== view.state.doc.toString())
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } })
    },
    setInvalid: (isInvalid) => view.contentDOM.setAttribute('aria-invalid', String(isInvalid)),
    close: () => view.destroy(),
  }
}
