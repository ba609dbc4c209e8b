/** Gives a file that was made in the page to the person, who says where it is to be. */
export function download(name: string, content: BlobPart | BlobPart[], type: string): void {
  const url = URL.createObjectURL(new Blob(Array.isArray(content) ? content : [content], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

/** For names of files: `20250615-1506`, in the viewer's zone. */
export function stampOf(at: number): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const date = new Date(at)
  return `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}-${two(date.getHours())}${two(date.getMinutes())}`
}
