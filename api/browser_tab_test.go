//go:build browser

package api_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is a tab of a real Chromium.
type tab struct {
	t      *testing.T
	ctx    context.Context
	url    string
	mu     sync.Mutex
	errors []string
}

// newTab opens a tab on the service at the URL. Whatever the browser complains
// about until the end of the test is an error.
func newTab(t *testing.T, url string, width, height int64) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, url: url}
	b.do(call(log.Enable, cdp.Empty{}), chromedp.EmulateViewport(width, height)) // starts the browser, which lives as long as this context
	b.ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	target := chromedp.FromContext(ctx).Target
	entries, exceptions := cdp.Events(ctx, target, log.EntryAdded), cdp.Events(ctx, target, runtime.ExceptionThrown)
	go func() {
		for e, err := range entries {
			if err == nil && e.Entry.Level == "error" {
				b.complain(e.Entry.Text)
			}
		}
	}()
	go func() {
		for e, err := range exceptions {
			if err == nil {
				b.complain(e.ExceptionDetails.Text)
			}
		}
	}()
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, e := range b.errors {
			t.Errorf("the browser's console: %s", e)
		}
	})
	return b
}

// expect takes complaints off the list that are about answers of these statuses, and
// are meant: the test asked for them.
func (b *tab) expect(statuses ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errors = slices.DeleteFunc(b.errors, func(e string) bool {
		return slices.ContainsFunc(statuses, func(s string) bool { return strings.Contains(e, "status of "+s) })
	})
}

func (b *tab) complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errors = append(b.errors, text)
}

// call is the action of a protocol command.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.shoot("failed-" + b.t.Name())
		b.t.Fatal(err)
	}
}

func (b *tab) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.url + path)) }

func (b *tab) click(selector string) { b.t.Helper(); b.do(chromedp.Click(chromedp.CSS(selector))) }

func (b *tab) keys(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		if k == kb.Enter {
			b.enter()
			continue
		}
		b.do(chromedp.KeyEvent(k))
	}
}

// enter is one event, as from a keyboard: KeyEvent would send the character even
// where the page has prevented the key.
func (b *tab) enter() {
	b.t.Helper()
	key := input.DispatchKeyEventParams{Type: "keyDown", Key: "Enter", Code: "Enter", Text: "\r", WindowsVirtualKeyCode: 13}
	up := key
	up.Type, up.Text = "keyUp", ""
	b.do(call(input.DispatchKeyEvent, key), call(input.DispatchKeyEvent, up))
}

// eval is the value of an expression, as text.
func (b *tab) eval(expression string) string {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return fmt.Sprint(value)
}

// wait waits until an expression is true.
func (b *tab) wait(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); b.eval("Boolean("+expression+")") != "true"; <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.shoot("failed-" + b.t.Name())
			b.t.Fatalf("never came true: %s; at %s", expression, b.eval("location.href"))
		}
	}
}

// check holds the state that is shown to the rules of accessibility, and keeps a
// picture of it.
func (b *tab) check(name string) {
	b.t.Helper()
	script, err := os.ReadFile(os.Getenv("AXE"))
	if err != nil {
		b.t.Fatalf(`AXE does not name axe.min.js: run "make browser-test": %v`, err)
	}
	b.do(chromedp.Evaluate[chromedp.Void](string(script)))
	if got := b.eval(`axe.run(document, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa","best-practice"]})
		.then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.target).join(", ")).join("; "))`); got != "" {
		b.t.Errorf("%s: accessibility: %s", name, got)
	}
	if got := b.eval(`document.documentElement.scrollWidth - innerWidth`); got != "0" {
		b.t.Errorf("%s: wider than the window by %s pixels", name, got)
	}
	b.shoot(name)
}

// shoot keeps a picture in the folder that ARTIFACTS names.
func (b *tab) shoot(name string) {
	folder := os.Getenv("ARTIFACTS")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		name = strings.ReplaceAll(name, "/", "-") + ".png"
		err = errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, name), picture, 0o644))
	}
	if err != nil {
		b.t.Error(err)
	}
}
