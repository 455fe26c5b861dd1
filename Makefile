# Two commands are enough to begin: make demo, make test. Both need only Go.
.PHONY: demo build model site test race explore fuzz seeds mutants bench test-faults test-browser test-etcdctl links lab figure16 types figures fix
VECHE = go run ./cmd/veche

demo: model ; $(VECHE) demo
build: model ; CGO_ENABLED=0 go build -trimpath -o bin/veche ./cmd/veche
model: ; @go run ./model/build
site: model ; mkdir -p bin && $(VECHE) model --site bin/site --file bin/veche-model.html
test: model ; go vet ./... && test -z "$$(gofmt -l .)" && go test $$(go list ./... | grep -v sim/check) && go test -count=1 -v ./sim/check
types: ; npm exec --yes --package=typescript@5.9.3 -- tsc --project page/tsconfig.json
race: ; go test -race -short ./...
explore: ; $(VECHE) sim explore
seeds: ; $(VECHE) sim run --seeds 5000 --first 10001 --full --keep sim/check/testdata/seeds
fuzz: ; go run ./internal/fuzz -time 5s
lab: ; go test -tags lab ./raft ./sim ./model/... && go test -tags lab -v -run Lab ./sim/lab
links: ; mkdir -p bin && go run -tags lab ./cmd/veche sim links --svg bin/links.svg
figure16: ; mkdir -p bin && go run -tags lab ./cmd/veche sim figure16 --svg bin/figure16.svg
figures: model ; go run ./internal/figures -dir bin/figures
mutants: ; go test -count=1 -v -timeout 40m ./sim/mutants -args -plant all
bench: ; go test -run '^$$' -bench . ./raft ./wal ./transport ./host ./store && $(VECHE) bench failover --both
test-faults: ; go test -count=1 -tags faults -v -timeout 15m ./faults
test-browser: model ; go test -count=1 -p 1 -tags browser -v -timeout 15m ./browser ./internal/figures
test-etcdctl: ; cd bench && go test -count=1 -v -timeout 15m .
fix: ; gofmt -w . && go mod tidy
