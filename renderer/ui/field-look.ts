/** The look of everything one types or picks in. Whole class names, for the style builder. */
export const fieldLook =
  'block w-full min-w-0 rounded-lg border bg-surface text-ink placeholder:text-ink-faint transition-colors'
export const fieldBorder = (isInvalid: boolean) =>
  isInvalid ? 'border-critical' : 'border-line-strong/70 hover:border-line-strong'
