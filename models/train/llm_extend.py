"""Train lakeside.gguf further, from its own weights: mostly on reading numbers back and on repeating itself.

    python llm_extend.py lakeside.gguf better.gguf [steps]

The first training saw too few numbers to learn to copy them (about one of three was read back right).
"""
import math,os,random,sys,time
import gguf,numpy as np,torch
import torch.nn.functional as F
from tokenizers import Tokenizer,models,pre_tokenizers,decoders
from grammar import DIG,NAMES,SURN
import llm_dialogues as L
src,out=sys.argv[1:3]; STEPS=int(sys.argv[3]) if len(sys.argv)>3 else 2400; BS=16; CTX=320; LR=float(os.environ.get("LR","6e-4"))
torch.set_num_threads(int(os.environ.get("NT","1"))); torch.manual_seed(1)
R=gguf.GGUFReader(src); field=lambda k: R.fields[k].contents()
NL,H,KV=field("qwen2.block_count"),field("qwen2.attention.head_count"),field("qwen2.attention.head_count_kv")
EPS,BASE=field("qwen2.attention.layer_norm_rms_epsilon"),field("qwen2.rope.freq_base")
W={t.name:torch.nn.Parameter(torch.tensor(np.array(t.data,dtype=np.float32))) for t in R.tensors}
D=W["token_embd.weight"].shape[1]; HD=D//H
toks=field("tokenizer.ggml.tokens"); merges=[tuple(m.split(" ")) for m in field("tokenizer.ggml.merges")]; types=field("tokenizer.ggml.token_type")
SP={t:i for i,(t,k) in enumerate(zip(toks,types)) if k==3}
tk=Tokenizer(models.BPE({t:i for i,t in enumerate(toks)},merges)); tk.pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=False); tk.decoder=decoders.ByteLevel()
IMS,IME=SP["<|im_start|>"],SP["<|im_end|>"]
inv=BASE**(-torch.arange(0,HD,2).float()/HD); ang=torch.arange(CTX).float()[:,None]*inv; COS,SIN=torch.cat([ang,ang],-1).cos(),torch.cat([ang,ang],-1).sin()
def norm(x,w): return x*torch.rsqrt(x.pow(2).mean(-1,keepdim=True)+EPS)*w
def rope(x):
    n=x.shape[2]; a,b=x.chunk(2,-1); return x*COS[:n]+torch.cat([-b,a],-1)*SIN[:n]
def forward(ids):
    x=W["token_embd.weight"][ids]; B,T=ids.shape
    for i in range(NL):
        g=lambda n: W[f"blk.{i}.{n}"]
        h=norm(x,g("attn_norm.weight")); p=lambda n,k: F.linear(h,g(f"attn_{n}.weight"),g(f"attn_{n}.bias")).view(B,T,k,HD).transpose(1,2)
        q,k,v=rope(p("q",H)),rope(p("k",KV)),p("v",KV); k,v=k.repeat_interleave(H//KV,1),v.repeat_interleave(H//KV,1)
        a=F.scaled_dot_product_attention(q,k,v,is_causal=True).transpose(1,2).reshape(B,T,D); x=x+F.linear(a,g("attn_output.weight"))
        h=norm(x,g("ffn_norm.weight")); x=x+F.linear(F.silu(F.linear(h,g("ffn_gate.weight")))*F.linear(h,g("ffn_up.weight")),g("ffn_down.weight"))
    return F.linear(norm(x,W["output_norm.weight"]),W["token_embd.weight"])
def number(r): return " ".join(r.choice(DIG) for _ in range(r.choice([3,4,4,4,5,6,7,7,8,10])))
def readback(r):
    """Name and number, mostly with corrections: what is asked for is what was said last."""
    d=[]; n=r.choice(NAMES)+(" "+r.choice(SURN) if r.random()<.6 else ""); nn=" ".join(L.cap(x) for x in n.split()); q=r.choice
    d+=[("user",q([f"my name is {n}",f"it's {n}",f"this is {n}",n])),("assistant",q([f"Thank you, {nn}. What is your phone number?",f"Thanks, {nn}. And your phone number, please?"]))]
    while True:
        g=number(r); d+=[("user",q([f"my number is {g}",f"it's {g}",g,f"my phone number is {g}"])),("assistant",f"I have {g}. Is that correct?")]
        if r.random()<.15: d+=[("user",q(["can you repeat that","say that again","i didn't hear you","could you speak more slowly"])),("assistant",f"I have {g}. Is that correct?")]
        if r.random()<.65: break
        d+=[("user",q(["no","no that's wrong"])),("assistant","Sorry about that. Please say the number again.")]
    return d+[("user",q(["yes","yes that's right","that is correct","yes thank you"])),("assistant",q(["Great, you are all set. Anything else?","Perfect, that is booked. Is there anything else?"]))]
def sample(r):
    d=L.dialogue(r); x=r.random()
    if x<.6:
        rest=L.dialogue(r)[2:] if x<.3 else []
        ask=[("user",r.choice(["i need to make an appointment","i'd like to make an appointment"])),("assistant","Sure. What is your name, please?")]
        before=L.dialogue(r)[2:2+2*r.randrange(4)]; before=before if not any("<tool_call>" in t or t.endswith(("name?","name, please?","number?","please?","correct?")) for _,t in before) else []
        d=d[:2]+before+ask+readback(r)+rest
    elif x<.75 and len(d)>6: k=2*r.randrange(1,(len(d)-2)//2); d=d[:2]+d[2+k:] if not d[1+k][1].endswith("?") else d   # the oldest turns gone
    cut=2*r.randrange(1,len(d)//2)+1 if r.random()<.3 and len(d)>5 else 0   # the caller interrupted: only a part was heard
    if cut: t=d[cut][1].split(); d=d[:cut]+[("assistant"," ".join(t[:r.randrange(1,len(t)+1)]))]+d[cut+1:]
    ids=[];w=[]
    for i,(role,text) in enumerate(d):
        h=[IMS]+tk.encode(role+"\n").ids; b=tk.encode(text).ids+[IME]; n=tk.encode("\n").ids
        ids+=h+b+n; w+=[0.02]*len(h)+[1.0 if role=="assistant" and i!=cut else 0.02]*len(b)+[0.02]*len(n)
    return ids[:CTX],w[:CTX]
def accuracy(n=60):
    r=random.Random(9); good=0
    with torch.no_grad():
        for _ in range(n):
            g=" ".join(r.choice(DIG) for _ in range(r.choice([3,4,5,6,7])))
            d=[("system",L.SYS),("assistant",L.GREET),("user","i need to make an appointment"),("assistant","Sure. What is your name, please?"),("user","my name is mary king"),("assistant","Thank you, Mary King. What is your phone number?"),("user","my number is "+g)]
            ids=[]
            for role,text in d: ids+=[IMS]+tk.encode(role+"\n").ids+tk.encode(text).ids+[IME]+tk.encode("\n").ids
            ids+=[IMS]+tk.encode("assistant\n").ids; want=tk.encode(f"I have {g}. Is that correct?").ids
            lg=forward(torch.tensor([ids+want])); good+=bool((lg[0,len(ids)-1:-1].argmax(-1)==torch.tensor(want)).all())
    return good/n
def save():
    w=gguf.GGUFWriter(out,"qwen2")
    for k,f in R.fields.items():
        if k.startswith("GGUF.") or k=="general.architecture": continue
        t=f.types[0]; w.add_key_value(k,f.contents(),t,sub_type=f.types[-1] if t==gguf.GGUFValueType.ARRAY else None)
    for t in R.tensors: w.add_tensor(t.name,W[t.name].detach().numpy().astype(t.data.dtype))
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
if __name__=="__main__":
    r=random.Random(7); opt=torch.optim.AdamW(W.values(),lr=LR,weight_decay=.02,betas=(.9,.98)); t0=time.time(); run=None
    print("read back right before:",accuracy(),flush=True)
    for s in range(STEPS):
        for g in opt.param_groups: g["lr"]=LR*min(1,(s+1)/100)*(.5*(1+math.cos(math.pi*s/STEPS))*.97+.03)
        B=sorted((sample(r) for _ in range(BS*4)),key=lambda x:len(x[0])); k=r.randrange(4); B=B[k*BS:(k+1)*BS]
        n=max(len(i) for i,_ in B); X=torch.full((BS,n),IME); Y=torch.zeros(BS,n)
        for i,(a,b) in enumerate(B): X[i,:len(a)]=torch.tensor(a); Y[i,:len(b)]=torch.tensor(b)
        l=(F.cross_entropy(forward(X[:,:-1]).transpose(1,2),X[:,1:],reduction="none")*Y[:,1:]).sum()/Y[:,1:].sum()
        opt.zero_grad(); l.backward(); torch.nn.utils.clip_grad_norm_(W.values(),1.); opt.step()
        run=l.item() if run is None else .97*run+.03*l.item()
        if s%100==99: print(s+1,"loss %.4f"%run,"read back right",round(accuracy(),2),"%.0f s"%(time.time()-t0),flush=True)
        if s%400==399 or s==STEPS-1: save()
