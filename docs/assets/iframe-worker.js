// A page that was opened from a disk may start no worker, and the theme's search is one. Here its script runs in an empty frame instead, which is
// what the theme's plugin `offline` would load from another host for.
if (location.protocol === "file:") {
  const load = (inside, url) =>
    new Promise((done, failed) => {
      const script = inside.createElement("script")
      script.src = url
      script.onload = done
      script.onerror = failed
      inside.body.append(script)
    })

  // The theme's script asks its parent for this name to know where it is.
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      const inner = this.frame.contentWindow
      inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }))
      inner.importScripts = (...urls) =>
        urls.reduce((before, each) => before.then(() => load(inner.document, each)), Promise.resolve())
      this.ready = load(inner.document, url)
    }

    postMessage(data) {
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })))
    }

    terminate() {
      this.frame.remove()
    }
  }
  window.Worker = window.IFrameWorker
}
