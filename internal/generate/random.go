package generate

import (
	"math"
	"math/bits"
)

// random is a stream of random numbers (SplitMix64) that starts anywhere at no
// cost: every movie, title and person has its own.
type random uint64

// newRandom is the stream of one thing n of one kind.
func newRandom(seed uint64, kind int, n int64) random {
	r := random(seed + uint64(kind)*0xd1342543de82ef95)
	r = random(r.next() + uint64(n)*0x9e3779b97f4a7c15)
	return random(r.next())
}

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// float is uniform in [0, 1).
func (r *random) float() float64 { return float64(r.next()>>11) / (1 << 53) }

// below is uniform in [0, n).
func (r *random) below(n int) int {
	high, _ := bits.Mul64(r.next(), uint64(n))
	return int(high)
}

// chance is true n times of m.
func (r *random) chance(n, m int) bool { return r.below(m) < n }

// normals are two independent numbers of the standard normal distribution.
func (r *random) normals() (float64, float64) {
	radius := math.Sqrt(-2 * math.Log(1-r.float()))
	sin, cos := math.Sincos(2 * math.Pi * r.float())
	return radius * sin, radius * cos
}

// zipf draws ranks in [0, n) with a probability like 1/(rank+q), the law of Zipf
// and Mandelbrot with exponent 1; the larger q, the flatter the head. It holds
// the quantiles, between which it is linear: an exponential for every word of
// every movie takes too long.
type zipf [257]float64

func newZipf(n int, q float64) *zipf {
	var z zipf
	for i := range z {
		z[i] = q*math.Exp(float64(i)/256*math.Log1p(float64(n)/q)) - q
	}
	z[0], z[256] = 0, math.Nextafter(float64(n), 0)
	return &z
}

func (z *zipf) draw(r *random) int {
	x := r.next()
	low := z[x>>56]
	return int(low + (z[x>>56+1]-low)*float64(x<<8>>11)/(1<<53))
}

// draw is an index with a probability like its weight.
func draw(r *random, weights []int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	at := r.below(total)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}
