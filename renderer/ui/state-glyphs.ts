/**
 * The shapes of the control states on a 16 x 16 grid, filled by the even-odd rule. Shared with the tray images (build/scripts/icons.mjs reads this file).
 * Told apart by their outline alone: disc, diamond, broken ring, triangle, octagon; `quiet` is a small ring.
 */
export const glyphPaths = {
  edge: 'M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1ZM4.3 8.2 7 10.9l4.8-5.2-1.2-1.1L6.9 8.6 5.5 7.1Z',
  master: 'M8 .3 15.7 8 8 15.7.3 8ZM4.7 8.2l1.1 1.1L8 7.1l2.2 2.2 1.1-1.1L8 4.9Z',
  working:
    'M7 1.1v2.1A4.9 4.9 0 0 0 4.2 11l-1.5 1.5A7 7 0 0 1 7 1.1ZM9 14.9v-2.1A4.9 4.9 0 0 0 11.8 5l1.5-1.5A7 7 0 0 1 9 14.9ZM8 5.9a2.1 2.1 0 1 1 0 4.2 2.1 2.1 0 0 1 0-4.2Z',
  degraded:
    'M8 1.2a1.3 1.3 0 0 1 1.1.7l6.2 11a1.3 1.3 0 0 1-1.1 1.9H1.8a1.3 1.3 0 0 1-1.1-1.9l6.2-11A1.3 1.3 0 0 1 8 1.2ZM7.1 5.8l.2 4h1.4l.2-4ZM7.1 11.2h1.8V13H7.1Z',
  attention: 'M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5ZM7 3.6l.3 5.3h1.4L9 3.6ZM7 10.3h2v2.1H7Z',
  quiet: 'M8 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8Zm0 1.6a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8Z',
} as const
export type StateGlyph = keyof typeof glyphPaths
