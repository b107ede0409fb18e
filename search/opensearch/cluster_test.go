package opensearch

import "testing"

func TestReserve(t *testing.T) {
	const disk = 1000 << 30
	for watermark, want := range map[string]int64{
		"90%": disk / 10, "85.5%": disk * 145 / 1000, "0.95": disk / 20, "50gb": 50 << 30, "1.5kb": 1536, "": disk / 10, "nonsense": disk / 10,
	} {
		if got := reserve(watermark)(disk); got < want-2 || got > want+2 {
			t.Errorf("a high watermark of %q reserves %d of %d bytes, want %d", watermark, got, int64(disk), want)
		}
	}
}
